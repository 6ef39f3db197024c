/**
  Logging in from elsewhere, by OpenSSH.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.openssh;

  value =
    v:
    if builtins.isBool v then
      lib.boolToYesNo v
    else if builtins.isList v then
      lib.concatStringsSep "," (map toString v)
    else
      toString v;

  lines = settings: lib.concatStrings (lib.mapAttrsToList (n: v: lib.optionalString (v != null) "${n} ${value v}\n") settings);

  keysOf = u: u.openssh.authorizedKeys.keys ++ map builtins.readFile u.openssh.authorizedKeys.keyFiles;
  withKeys = lib.filter (u: u.enable && keysOf u != [ ]) (builtins.attrValues config.users.users);

  yesNo = types.nullOr types.bool;
  setting = type: default: description: mkOption { inherit type default description; };
in
{
  imports = [
    (lib.mkRenamedOptionModule [ "services" "sshd" "enable" ] [ "services" "openssh" "enable" ])
    (lib.mkRenamedOptionModule
      [ "services" "openssh" "permitRootLogin" ]
      [ "services" "openssh" "settings" "PermitRootLogin" ]
    )
    (lib.mkRenamedOptionModule
      [ "services" "openssh" "passwordAuthentication" ]
      [ "services" "openssh" "settings" "PasswordAuthentication" ]
    )
  ];

  options.services.openssh = {
    enable = lib.mkEnableOption "the OpenSSH server, which lets people log in from elsewhere";
    package = mkOption {
      type = types.package;
      default = pkgs.openssh;
      defaultText = lib.literalExpression "pkgs.openssh";
      description = "The package of OpenSSH.";
    };
    ports = mkOption {
      type = types.listOf types.port;
      default = [ 22 ];
      description = "The ports it listens at.";
    };
    openFirewall = mkOption {
      type = types.bool;
      default = true;
      description = "Whether the firewall lets connections to these ports in.";
    };
    listenAddresses = mkOption {
      default = [ ];
      description = "The addresses it listens at; all when there are none.";
      type = types.listOf (
        types.submodule {
          options = {
            addr = mkOption {
              type = types.nullOr types.str;
              default = null;
              description = "The address.";
            };
            port = mkOption {
              type = types.nullOr types.port;
              default = null;
              description = "The port.";
            };
          };
        }
      );
    };
    hostKeys = mkOption {
      type = types.listOf types.attrs;
      default = [
        {
          type = "ed25519";
          path = "/etc/ssh/ssh_host_ed25519_key";
        }
        {
          type = "rsa";
          bits = 4096;
          path = "/etc/ssh/ssh_host_rsa_key";
        }
      ];
      description = "The keys of the machine, made when they are missing.";
    };
    authorizedKeysFiles = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Where the keys of users are looked for.";
    };
    banner = mkOption {
      type = types.nullOr types.lines;
      default = null;
      description = "What is said before the login.";
    };
    extraConfig = mkOption {
      type = types.lines;
      default = "";
      description = "Lines of `sshd_config`.";
    };
    settings = mkOption {
      default = { };
      example = { PasswordAuthentication = false; };
      description = "Settings of the server.";
      type = types.submodule {
        freeformType = types.attrsOf (
          types.nullOr (
            types.oneOf [
              types.bool
              types.int
              types.str
              (types.listOf types.str)
            ]
          )
        );
        options = {
          PermitRootLogin = setting (types.nullOr (types.enum [
            "yes"
            "without-password"
            "prohibit-password"
            "forced-commands-only"
            "no"
          ])) "prohibit-password" "How root may log in.";
          PasswordAuthentication = setting yesNo true "Whether a password is enough.";
          KbdInteractiveAuthentication = setting yesNo true "Whether the server may ask questions.";
          X11Forwarding = setting yesNo false "Whether windows may be shown elsewhere.";
          UseDns = setting yesNo false "Whether names of clients are looked up.";
          LogLevel = setting (types.nullOr types.str) "INFO" "How much is logged.";
          StrictModes = setting yesNo true "Whether the modes of users' files are checked.";
          GatewayPorts = setting (types.nullOr types.str) "no" "Whether forwarded ports are open to others.";
        };
      };
    };
  };

  config = lib.mkIf cfg.enable {
    users.users.sshd = {
      uid = config.ids.uids.sshd;
      isSystemUser = true;
      group = "sshd";
      description = "SSH privilege separation user";
    };
    users.groups.sshd.gid = config.ids.gids.sshd;

    services.openssh.authorizedKeysFiles = [
      "%h/.ssh/authorized_keys"
      "/etc/ssh/authorized_keys.d/%u"
    ];

    environment.systemPackages = [ cfg.package ];
    environment.etc = {
      "ssh/sshd_config".text =
        lib.concatMapStrings (p: "Port ${toString p}\n") cfg.ports
        + lib.concatMapStrings (
          a: "ListenAddress ${if a.addr == null then "0.0.0.0" else a.addr}${lib.optionalString (a.port != null) ":${toString a.port}"}\n"
        ) cfg.listenAddresses
        + lib.concatMapStrings (k: "HostKey ${k.path}\n") cfg.hostKeys
        + "AuthorizedKeysFile ${lib.concatStringsSep " " cfg.authorizedKeysFiles}\n"
        + lib.optionalString (cfg.banner != null) "Banner /etc/ssh/banner\n"
        + lines cfg.settings
        + "UsePAM no\n"
        + cfg.extraConfig;
      "ssh/banner" = lib.mkIf (cfg.banner != null) { text = cfg.banner; };
    }
    // builtins.listToAttrs (
      map (
        u:
        lib.nameValuePair "ssh/authorized_keys.d/${u.name}" {
          mode = "0444";
          text = lib.concatLines (keysOf u);
        }
      ) withKeys
    );

    systemd.services.sshd = {
      description = "SSH daemon";
      wantedBy = [ "multi-user.target" ];
      after = [ "network.target" ];
      # A session must outlive the switch that it started.
      stopIfChanged = false;
      restartTriggers = [ config.environment.etc."ssh/sshd_config".text ];
      path = [ cfg.package ];
      preStart = ''
        mkdir -p -m 0755 /etc/ssh /run/sshd
        ${lib.concatMapStrings (k: ''
          if ! [ -s ${k.path} ]; then
            rm -f ${k.path}
            ssh-keygen -q -t ${k.type} ${lib.optionalString (k ? bits) "-b ${toString k.bits}"} -f ${k.path} -N ""
          fi
        '') cfg.hostKeys}
      '';
      serviceConfig = {
        ExecStart = "${cfg.package}/bin/sshd -D -f /etc/ssh/sshd_config";
        KillMode = "process";
        Restart = "always";
      };
    };
    networking.firewall.allowedTCPPorts = lib.optionals cfg.openFirewall cfg.ports;
  };
}
