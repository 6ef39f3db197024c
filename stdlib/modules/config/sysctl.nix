/**
  Parameters of the running kernel.
*/
{ config, lib, ... }:
{
  options.boot.kernel.sysctl = lib.mkOption {
    type = lib.types.attrsOf (
      lib.types.nullOr (
        lib.types.oneOf [
          lib.types.bool
          lib.types.int
          lib.types.str
        ]
      )
    );
    default = { };
    example = {
      "net.ipv4.ip_forward" = 1;
    };
    description = "Parameters to set at boot; `null` leaves one alone.";
  };

  config = {
    boot.kernel.sysctl = {
      "kernel.printk" = lib.mkDefault "4 4 1 7";
      "kernel.kptr_restrict" = lib.mkDefault 1;
      "fs.inotify.max_user_instances" = lib.mkDefault 524288;
      "fs.inotify.max_user_watches" = lib.mkDefault 524288;
    };
    environment.etc."sysctl.d/60-firn.conf".text = lib.concatStrings (
      lib.mapAttrsToList (
        name: value:
        lib.optionalString (value != null) "${name}=${if builtins.isBool value then (if value then "1" else "0") else toString value}\n"
      ) config.boot.kernel.sysctl
    );
    systemd.services.systemd-sysctl = {
      wantedBy = [ "multi-user.target" ];
      overrideStrategy = "asDropin";
      restartTriggers = [ config.environment.etc."sysctl.d/60-firn.conf".text ];
    };
  };
}
