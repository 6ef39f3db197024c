/**
  Variables, aliases and start-up code of shells.
*/
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.environment;

  variables = types.attrsOf (
    types.oneOf [
      (types.listOf (types.oneOf [ types.int types.str types.path ]))
      types.int
      types.str
      types.path
    ]
  );
  join = v: if builtins.isList v then lib.concatMapStringsSep ":" toString v else toString v;

  exports = lib.concatMapAttrsStringSep "\n" (name: value: "export ${name}=${builtins.toJSON (join value)}");

  lines = description: mkOption {
    type = types.lines;
    default = "";
    inherit description;
  };
in
{
  options.environment = {
    variables = mkOption {
      type = variables;
      default = { };
      example = { EDITOR = "vim"; };
      description = "Variables that every shell sets; lists are joined with colons.";
    };
    sessionVariables = mkOption {
      type = variables;
      default = { };
      description = "Variables of a whole session, set at login.";
    };
    profiles = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Directories whose `bin`, `share` and so on sessions look in, first to last.";
    };
    profileRelativeSessionVariables = mkOption {
      type = types.attrsOf (types.listOf types.str);
      default = { };
      example = { PATH = [ "/bin" ]; };
      description = "Variables that hold a path below every profile.";
    };
    shellAliases = mkOption {
      type = types.attrsOf (types.nullOr (types.either types.str types.path));
      default = { };
      description = "Short commands of all shells; `null` takes one away.";
    };
    shells = mkOption {
      type = types.listOf (types.either types.shellPackage types.path);
      default = [ ];
      description = "Shells that users may have, for `/etc/shells`.";
    };
    homeBinInPath = mkOption {
      type = types.bool;
      default = false;
      description = "Whether `~/bin` is looked in before anything else.";
    };
    shellInit = lines "Code that every shell runs first.";
    loginShellInit = lines "Code that login shells run.";
    interactiveShellInit = lines "Code that interactive shells run.";
    extraInit = lines "Code run after the session's variables are set.";
  };

  config.environment = {
    profiles = lib.mkAfter [ "/run/current-system/sw" ];
    profileRelativeSessionVariables = {
      PATH = [ "/bin" ];
      XDG_DATA_DIRS = [ "/share" ];
      XDG_CONFIG_DIRS = [ "/etc/xdg" ];
    };
    shellAliases = {
      ls = lib.mkDefault "ls --color=tty";
      ll = lib.mkDefault "ls -l";
      l = lib.mkDefault "ls -alh";
    };
    sessionVariables = {
      NIX_PROFILES = lib.mkDefault (lib.concatStringsSep " " (lib.reverseList cfg.profiles));
      PAGER = lib.mkDefault "less";
      EDITOR = lib.mkDefault "vi";
    };
    etc."set-environment".text = ''
      # Made from the configuration of the system; do not edit.
      ${exports cfg.sessionVariables}
      ${exports (
        builtins.mapAttrs (
          _: suffixes: lib.concatMap (profile: map (suffix: profile + suffix) suffixes) cfg.profiles
        ) cfg.profileRelativeSessionVariables
      )}
      ${exports cfg.variables}
      export PATH="/run/wrappers/bin:$PATH"
      ${lib.optionalString cfg.homeBinInPath "export PATH=\"$HOME/bin:$PATH\""}
      ${cfg.extraInit}
    '';
  };
}
