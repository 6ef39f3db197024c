/**
  One directory with a whole environment: the files, the packages, a script of
  what else is to be done, and a manifest.
*/
{
  config,
  lib,
  options,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.home;
  failed = map (a: a.message) (lib.filter (a: !a.assertion) config.assertions);

  hooks = builtins.mapAttrs (name: h: {
    inherit (h) deps;
    text = "#### ${name}\n${h.text}";
  }) cfg.activation;

  manifest = {
    version = 1;
    options = (import ../modules/explain.nix { inherit lib options; }).set;
    packages = map (p: {
      name = lib.getName p;
      version = lib.getVersion p;
      path = "${p}";
    }) (lib.filter lib.isDerivation cfg.packages);
  };
in
{
  options.home = {
    username = mkOption {
      type = types.str;
      default = "";
      description = "The user's name; empty for whoever switches.";
    };
    homeDirectory = mkOption {
      type = types.oneOf [
        types.str
        types.path
      ];
      default = "";
      description = "The home directory; empty for that of whoever switches.";
    };
    stateVersion = mkOption {
      type = types.str;
      default = lib.trivial.release;
      description = "The release that this environment was first made with.";
    };
    packages = mkOption {
      type = types.listOf types.package;
      default = [ ];
      example = lib.literalExpression "[ pkgs.tree ]";
      description = "Packages whose programs the user finds.";
    };
    activation = mkOption {
      type = types.attrsOf (
        types.coercedTo types.str lib.noDepEntry (
          types.submodule {
            options = {
              text = mkOption {
                type = types.lines;
                description = "Shell commands.";
              };
              deps = mkOption {
                type = types.listOf types.str;
                default = [ ];
                description = "Steps that come before.";
              };
            };
          }
        )
      );
      default = { };
      description = "Commands that run at each switch once the files are there.";
    };
    generation = mkOption {
      type = types.package;
      readOnly = true;
      description = "The environment, in one directory.";
    };
    path = mkOption {
      type = types.package;
      readOnly = true;
      description = "The directory of links to what packages have.";
    };
  };

  config.home = {
    path = pkgs.buildEnv {
      name = "home-path";
      paths = cfg.packages;
      ignoreCollisions = true;
    };
    generation =
      if failed != [ ] then
        throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n" (m: "- ${m}") failed}"
      else
        lib.showWarnings config.warnings (
          pkgs.runCommandLocal "home-generation"
            {
              manifest = builtins.toJSON manifest;
              activation = ''
                #!${pkgs.runtimeShell}
                # Made from the configuration of the user's environment.
                set -eu
                export PATH=${lib.makeBinPath [ pkgs.coreutils ]}:$PATH
                ${lib.textClosureMap lib.id hooks (builtins.attrNames hooks)}
              '';
              passAsFile = [
                "manifest"
                "activation"
              ];
            }
            ''
              mkdir -p $out
              ln -s ${cfg.files} $out/home-files
              ln -s ${cfg.path} $out/home-path
              cp $manifestPath $out/manifest.json
              printf '%s' ${lib.escapeShellArg cfg.stateVersion} > $out/nixos-version
              ${lib.optionalString (cfg.activation != { }) ''
                cp $activationPath $out/activate
                chmod +x $out/activate
              ''}
            ''
        );
  };
}
