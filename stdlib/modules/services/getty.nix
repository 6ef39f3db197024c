/**
  Logging in at the console and at serial lines.
*/
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.services.getty;
  systemd = config.systemd.package;

  agetty =
    arguments:
    lib.concatStringsSep " " (
      [
        "-${systemd}/sbin/agetty"
        "--login-program ${systemd}/bin/login"
      ]
      ++ lib.optional (cfg.autologinUser != null) "--autologin ${cfg.autologinUser}"
      ++ cfg.extraArgs
      ++ [ arguments ]
    );

  # An empty entry takes away what the unit of the package says.
  getty = arguments: {
    serviceConfig.ExecStart = [
      ""
      (agetty arguments)
    ];
    overrideStrategy = "asDropin";
    # A login must outlive the switch that it started.
    restartIfChanged = false;
    path = lib.mkForce [ ];
  };
in
{
  options.services.getty = {
    autologinUser = mkOption {
      type = types.nullOr types.str;
      default = null;
      description = "The user who is logged in without being asked.";
    };
    greetingLine = mkOption {
      type = types.str;
      default = "<<< Welcome to ${config.system.nixos.distroName} ${config.system.nixos.label} (\\m) - \\l >>>";
      defaultText = lib.literalMD "the name and version of the system";
      description = "What is said before the login.";
    };
    helpLine = mkOption {
      type = types.lines;
      default = "";
      description = "What else is said.";
    };
    extraArgs = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Arguments of agetty.";
    };
  };

  config = lib.mkIf (systemd != null) {
    systemd.services."getty@" = getty "--noclear --keep-baud %I 115200,38400,9600 $TERM";
    systemd.services."serial-getty@" = getty "%I --keep-baud $TERM";
    systemd.services."container-getty@" = getty "--noclear --keep-baud pts/%I 115200,38400,9600 $TERM" // {
      unitConfig.ConditionPathExists = [
        ""
        "/dev/pts/%I"
      ];
    };
    environment.etc = {
      issue.text = "${cfg.greetingLine}\n${cfg.helpLine}\n";
      "login.defs".text = ''
        DEFAULT_HOME yes
        SYS_UID_MIN 400
        SYS_UID_MAX 999
        UID_MIN 1000
        UID_MAX 29999
        SYS_GID_MIN 400
        SYS_GID_MAX 999
        GID_MIN 1000
        GID_MAX 29999
        TTYGROUP tty
        TTYPERM 0620
        UMASK 077
        ENCRYPT_METHOD YESCRYPT
      '';
      securetty.text = "";
    };
  };
}
