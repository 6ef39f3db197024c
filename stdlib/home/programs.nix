/**
  Programs that are set up by files of the home directory.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.programs;
  enable = description: mkOption {
    type = types.bool;
    default = false;
    inherit description;
  };
in
{
  options.programs = {
    bash = {
      enable = enable "Whether bash reads the user's session and what is set below.";
      shellAliases = mkOption {
        type = types.attrsOf types.str;
        default = { };
        example = { ll = "ls -l"; };
        description = "Short words for commands.";
      };
      initExtra = mkOption {
        type = types.lines;
        default = "";
        description = "Lines of `~/.bashrc`.";
      };
    };
    git = {
      enable = enable "Whether git is there and set up.";
      package = mkOption {
        type = types.nullOr types.package;
        default = pkgs.git or null;
        defaultText = lib.literalExpression "pkgs.git";
        description = "The program.";
      };
      settings = mkOption {
        type = types.attrsOf (types.attrsOf (types.oneOf [
          types.bool
          types.int
          types.str
        ]));
        default = { };
        example = { user.name = "Ada"; };
        description = "Sections of git's configuration.";
      };
    };
  };

  config = {
    home.file = lib.mkIf cfg.bash.enable {
      ".profile".text = ''
        . "$HOME/.config/firn/session.sh"
        [ -z "''${BASH_VERSION-}" ] || [ ! -e "$HOME/.bashrc" ] || . "$HOME/.bashrc"
      '';
      ".bashrc".text = ''
        . "$HOME/.config/firn/session.sh"
        ${lib.concatStrings (lib.mapAttrsToList (n: v: "alias ${n}=${lib.escapeShellArg v}\n") cfg.bash.shellAliases)}
        ${cfg.bash.initExtra}
      '';
    };
    home.packages = lib.mkIf (cfg.git.enable && cfg.git.package != null) [ cfg.git.package ];
    xdg.configFile."git/config" = lib.mkIf cfg.git.enable { text = lib.generators.toGitINI cfg.git.settings; };
  };
}
