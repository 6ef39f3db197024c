/**
  Programs that run with rights their user has not: copied to `/run/wrappers`,
  since the store can hold no such file.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.security.wrappers;

  enabled = lib.filter (w: w.enable) (builtins.attrValues cfg);
in
{
  options.security.wrappers = mkOption {
    default = { };
    example = lib.literalExpression ''{ ping = { source = "''${pkgs.iputils}/bin/ping"; owner = "root"; group = "root"; capabilities = "cap_net_raw+p"; }; }'';
    description = "Programs with rights of their own, by name.";
    type = types.attrsOf (
      types.submodule (
        { name, config, ... }:
        {
          options = {
            enable = mkOption {
              type = types.bool;
              default = true;
              description = "Whether it is there.";
            };
            program = mkOption {
              type = types.nullOr types.str;
              default = name;
              description = "The name it is called by.";
            };
            source = mkOption {
              type = types.path;
              description = "The program.";
            };
            owner = mkOption {
              type = types.str;
              description = "Its owner.";
            };
            group = mkOption {
              type = types.str;
              description = "Its group.";
            };
            permissions = mkOption {
              type = types.strMatching "[ugo]*=?[rwxst,ugo+=-]*|[0-7]{3,4}";
              default = "u+rx,g+x,o+x";
              description = "Who may do what with it.";
            };
            setuid = mkOption {
              type = types.bool;
              default = false;
              description = "Whether it runs as its owner.";
            };
            setgid = mkOption {
              type = types.bool;
              default = false;
              description = "Whether it runs in its group.";
            };
            capabilities = mkOption {
              type = types.commas;
              default = "";
              description = "Capabilities that it has.";
            };
          };
        }
      )
    );
  };

  config = {
    assertions = map (w: {
      assertion = !(w.setuid || w.setgid) || w.capabilities == "";
      message = "security.wrappers.${w.program}: setuid or setgid together with capabilities is not supported.";
    }) enabled;

    system.activationScripts.wrappers = {
      deps = [
        "specialfs"
        "users"
      ];
      text = ''
        # Programs with rights of their own: a new directory takes the place of the old one at once.
        _run=''${FIRN_RUN:-/run}
        mkdir -p "$_run/wrappers"
        chmod 755 "$_run/wrappers"
        _new=$(mktemp -d "$_run/wrappers/wrappers.XXXXXXXXXX")
        chmod a+rx "$_new"
        ${lib.concatMapStrings (w: ''
          cp ${w.source} "$_new/${w.program}"
          chmod 0000 "$_new/${w.program}"
          chown ${w.owner}:${w.group} "$_new/${w.program}"
          ${lib.optionalString (w.capabilities != "") "${pkgs.libcap or "/run/current-system/sw"}/bin/setcap ${lib.escapeShellArg w.capabilities} \"$_new/${w.program}\""}
          chmod "${lib.optionalString w.setuid "u+s,"}${lib.optionalString w.setgid "g+s,"}${w.permissions}" "$_new/${w.program}"
        '') enabled}
        _old=$(readlink "$_run/wrappers/bin" || :)
        ln -sfn "$_new" "$_run/wrappers/bin.tmp"
        mv -Tf "$_run/wrappers/bin.tmp" "$_run/wrappers/bin"
        [ -z "$_old" ] || rm -rf "$_old"
      '';
    };
  };
}
