/**
  A test of a system: commands that run in a virtual machine of it once it is
  up, and end it. What became of them stands on the console, one line that
  begins with `firn-test-result`.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.testing;
in
{
  options.testing = {
    script = lib.mkOption {
      type = lib.types.nullOr lib.types.lines;
      default = null;
      example = "systemctl is-active sshd";
      description = "Shell commands that must all succeed; `null` for no test.";
    };
    after = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      default = [ "multi-user.target" ];
      description = "Units to wait for.";
    };
    timeout = lib.mkOption {
      type = lib.types.ints.positive;
      default = 60;
      description = "Seconds after which it has failed.";
    };
  };

  config = lib.mkIf (cfg.script != null) {
    systemd.services.firn-test = {
      description = "Test of the system";
      wantedBy = [ "default.target" ];
      inherit (cfg) after;
      unitConfig.DefaultDependencies = true;
      serviceConfig = {
        Type = "idle";
        StandardOutput = "journal+console";
        StandardError = "journal+console";
        TimeoutStartSec = cfg.timeout;
        RuntimeMaxSec = cfg.timeout;
        ExecStopPost = pkgs.writeShellScript "firn-test-end" ''
          case $SERVICE_RESULT in
            success) echo "firn-test-result 0" ;;
            *) echo "firn-test-result 1 $SERVICE_RESULT $EXIT_STATUS" ;;
          esac > /dev/console
          ${config.systemd.package}/bin/systemctl --no-block poweroff
        '';
      };
      path = [
        "/run/current-system/sw"
      ];
      script = ''
        set -x
        ${cfg.script}
      '';
    };
  };
}
