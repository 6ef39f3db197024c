/**
  The packages that all users see, as one directory of links at
  `/run/current-system/sw`.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.environment;

  # Every output that is to be installed of a package.
  outputsOf =
    pkg:
    let
      names = lib.unique (
        (pkg.meta.outputsToInstall or [ "out" ]) ++ lib.filter (o: builtins.elem o (pkg.outputs or [ ])) cfg.extraOutputsToInstall
      );
    in
    if !(builtins.isAttrs pkg) || pkg.outputSpecified or false then [ pkg ] else map (o: pkg.${o} or pkg) names;
in
{
  options = {
    environment = {
      systemPackages = mkOption {
        type = types.listOf types.package;
        default = [ ];
        example = lib.literalExpression "[ pkgs.vim pkgs.git ]";
        description = "Packages that all users have.";
      };
      defaultPackages = mkOption {
        type = types.listOf types.package;
        default = [ ];
        description = "Packages that all users have and that the system does not need.";
      };
      pathsToLink = mkOption {
        type = types.listOf types.str;
        default = [ ];
        description = "Directories of packages to have at `/run/current-system/sw`.";
      };
      extraOutputsToInstall = mkOption {
        type = types.listOf types.str;
        default = [ ];
        description = "Further outputs of packages to install, where they have them.";
      };
      extraSetup = mkOption {
        type = types.lines;
        default = "";
        description = "Commands that change the directory of links at `$out`.";
      };
    };
    system.path = mkOption {
      type = types.package;
      internal = true;
      description = "The directory of links.";
    };
  };

  config = {
    environment.systemPackages =
      map (name: lib.mkIf (pkgs ? ${name}) pkgs.${name} or null) [
        "coreutils"
        "diffutils"
        "file"
        "findutils"
        "gawk"
        "gnugrep"
        "gnused"
        "gnutar"
        "gzip"
        "less"
        "ncurses"
        "xz"
      ]
      ++ cfg.defaultPackages;
    environment.pathsToLink = [
      "/bin"
      "/etc/xdg"
      "/lib"
      "/share"
    ];
    system.path = pkgs.buildEnv {
      name = "system-path";
      paths = lib.concatMap outputsOf cfg.systemPackages;
      inherit (cfg) pathsToLink;
      ignoreCollisions = true;
      postBuild = cfg.extraSetup;
    };
  };
}
