/**
  Programs that need no more than to be there, and a few settings of others.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;

  # Programs whose only option is whether they are installed, and which package.
  simple = [
    "git"
    "htop"
    "tmux"
    "vim"
    "zsh"
  ];
in
{
  options = {
    programs =
      lib.genAttrs simple (name: {
        enable = lib.mkEnableOption name;
        package = mkOption {
          type = types.package;
          default = pkgs.${name};
          defaultText = lib.literalExpression "pkgs.${name}";
          description = "The package of ${name}.";
        };
      })
      // {
        ssh.extraConfig = mkOption {
          type = types.lines;
          default = "";
          description = "Lines of `/etc/ssh/ssh_config`.";
        };
      };
    documentation.enable = mkOption {
      type = types.bool;
      default = true;
      description = "Whether manuals are installed.";
    };
    nix.settings = mkOption {
      type = types.attrsOf (
        types.oneOf [
          types.bool
          types.int
          types.float
          types.str
          types.path
          (types.listOf types.str)
        ]
      );
      default = { };
      example = { max-jobs = 4; };
      description = "Settings of builds and of the store.";
    };
    nix.extraOptions = mkOption {
      type = types.lines;
      default = "";
      description = "Further lines of the settings.";
    };
    nix.enable = mkOption {
      type = types.bool;
      default = true;
      description = "Whether settings are written.";
    };
  };

  config = {
    environment.systemPackages = lib.concatMap (
      name: lib.optional config.programs.${name}.enable config.programs.${name}.package
    ) simple;
    environment.extraOutputsToInstall = lib.optionals config.documentation.enable [
      "man"
      "info"
    ];
    environment.etc = {
      "ssh/ssh_config".text = ''
        # Made from the configuration of the system.
        Host *
        ${config.programs.ssh.extraConfig}
        GlobalKnownHostsFile /etc/ssh/ssh_known_hosts
      '';
      "nix/nix.conf" = lib.mkIf config.nix.enable {
        text =
          lib.concatStrings (
            lib.mapAttrsToList (
              name: value:
              "${name} = ${
                if builtins.isBool value then
                  lib.boolToString value
                else if builtins.isList value then
                  lib.concatStringsSep " " value
                else
                  toString value
              }\n"
            ) config.nix.settings
          )
          + config.nix.extraOptions;
      };
    };
    nix.settings = {
      trusted-users = lib.mkDefault [ "root" ];
      allowed-users = lib.mkDefault [ "*" ];
      sandbox = lib.mkDefault true;
    };
  };
}
