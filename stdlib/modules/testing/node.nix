/**
  What a machine of a test has beside what its author says: a network with the
  other machines, and an agent that does what the test asks for.

  The agent listens on the second serial line. A request is a script in base64
  on one line; the answer is its exit code and output, likewise.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.testing;

  agent = pkgs.writeShellScript "firn-test-agent" ''
    exec 3<> /dev/ttyS1
    stty -F /dev/ttyS1 raw -echo
    systemctl is-system-running --wait > /dev/null
    printf 'firn-test-agent ready\n' >&3
    while IFS= read -r request <&3; do
      printf '%s' "$request" | base64 -d > /run/firn-test-request
      bash /run/firn-test-request > /run/firn-test-output 2>&1 < /dev/null 3>&-
      printf '%s %s\n' "$?" "$(base64 -w 0 < /run/firn-test-output)" >&3
    done
  '';
in
{
  options.testing = {
    address = lib.mkOption {
      type = lib.types.str;
      description = "The machine's address on the network of the test.";
    };
    firn = lib.mkOption {
      type = lib.types.nullOr lib.types.package;
      default = null;
      description = "The tool itself, for tests that switch.";
    };
  };

  config = {
    networking.useDHCP = lib.mkDefault false;
    networking.interfaces.eth0.ipv4.addresses = [
      {
        inherit (cfg) address;
        prefixLength = 24;
      }
    ];
    boot.kernelParams = [ "net.ifnames=0" ];
    # On a busy host the clock runs ahead of the machine.
    systemd.extraConfig = ''
      DefaultTimeoutStartSec=900
      DefaultTimeoutStopSec=900
      DefaultDeviceTimeoutSec=900
    '';
    virtualisation.firn = cfg.firn;
    # Nobody is at the console: a shell there ends at once, and again until its unit fails.
    services.getty.autologinUser = null;
    users.users.root.initialHashedPassword = lib.mkDefault "!";

    systemd.services.firn-test-agent = {
      description = "Agent of the test";
      wantedBy = [ "multi-user.target" ];
      # It is what asks for the switch.
      restartIfChanged = false;
      unitConfig.X-StopOnRemoval = false;
      path = [ "/run/current-system/sw" ];
      serviceConfig = {
        ExecStart = agent;
        KillMode = "process";
        Restart = "always";
      };
    };
  };
}
