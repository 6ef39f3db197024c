/**
  Files and directories that are made at boot, emptied or removed by age.
*/
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.systemd.tmpfiles;

  entry = {
    options = {
      mode = mkOption {
        type = types.str;
        default = "-";
        description = "The mode.";
      };
      user = mkOption {
        type = types.str;
        default = "-";
        description = "The owner.";
      };
      group = mkOption {
        type = types.str;
        default = "-";
        description = "The group.";
      };
      age = mkOption {
        type = types.str;
        default = "-";
        description = "When what is inside is removed.";
      };
      argument = mkOption {
        type = types.str;
        default = "";
        description = "What else the kind of entry wants.";
      };
    };
  };
in
{
  options.systemd.tmpfiles = {
    rules = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "d /tmp 1777 root root 10d" ];
      description = "Lines as tmpfiles.d has them.";
    };
    settings = mkOption {
      type = types.attrsOf (types.attrsOf (types.attrsOf (types.submodule entry)));
      default = { };
      description = "Entries by the file they are in, their path and their kind.";
    };
  };

  config = {
    systemd.tmpfiles.rules = [
      "d /var/empty 0555 root root -"
      "d /var/lib 0755 root root -"
      "d /var/log 0755 root root -"
      "d /run/lock 0755 root root -"
      "q /tmp 1777 root root 10d"
      "q /var/tmp 1777 root root 30d"
    ];
    environment.etc =
      {
        "tmpfiles.d/00-firn.conf".text = lib.concatLines cfg.rules;
      }
      // lib.mapAttrs' (
        name: paths:
        lib.nameValuePair "tmpfiles.d/${name}.conf" {
          text = lib.concatStrings (
            lib.concatLists (
              lib.mapAttrsToList (
                path: kinds:
                lib.mapAttrsToList (
                  kind: e: "${kind} ${builtins.toJSON path} ${e.mode} ${e.user} ${e.group} ${e.age} ${e.argument}\n"
                ) kinds
              ) paths
            )
          );
        }
      ) cfg.settings;
    systemd.services.systemd-tmpfiles-setup = {
      overrideStrategy = "asDropin";
      wantedBy = [ "sysinit.target" ];
    };
  };
}
