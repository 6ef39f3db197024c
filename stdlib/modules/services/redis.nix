/**
  Key-value stores: any number of Redis servers.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.redis;

  enabled = lib.filterAttrs (_: s: s.enable) cfg.servers;
  unitOf = name: "redis" + lib.optionalString (name != "") "-${name}";

  value = v: if builtins.isBool v then lib.boolToYesNo v else toString v;

  serverModule =
    { name, ... }:
    {
      options = {
        enable = lib.mkEnableOption "this Redis server";
        user = mkOption {
          type = types.str;
          default = unitOf name;
          description = "The user it runs as.";
        };
        port = mkOption {
          type = types.port;
          default = if name == "" then 6379 else 0;
          description = "The port; 0 for none.";
        };
        bind = mkOption {
          type = types.nullOr types.str;
          default = "127.0.0.1";
          description = "The address it listens at; `null` for all.";
        };
        openFirewall = mkOption {
          type = types.bool;
          default = false;
          description = "Whether the firewall lets connections in.";
        };
        unixSocket = mkOption {
          type = types.nullOr types.path;
          default = "/run/${unitOf name}/redis.sock";
          description = "The socket it listens at.";
        };
        unixSocketPerm = mkOption {
          type = types.int;
          default = 660;
          description = "The socket's mode.";
        };
        requirePassFile = mkOption {
          type = types.nullOr types.path;
          default = null;
          description = "A file that holds the password.";
        };
        settings = mkOption {
          type = types.attrsOf (types.oneOf [ types.bool types.int types.str (types.listOf types.str) ]);
          default = { };
          description = "Settings of the server.";
        };
      };
    };
in
{
  options.services.redis = {
    package = mkOption {
      type = types.package;
      default = pkgs.redis;
      defaultText = lib.literalExpression "pkgs.redis";
      description = "The package of Redis.";
    };
    vmOverCommit = mkOption {
      type = types.bool;
      default = true;
      description = "Whether the kernel may promise more memory than there is, which background saves need.";
    };
    servers = mkOption {
      type = types.attrsOf (types.submodule serverModule);
      default = { };
      description = "Servers by name; the empty name is the usual one.";
    };
  };

  config = lib.mkIf (enabled != { }) {
    boot.kernel.sysctl."vm.overcommit_memory" = lib.mkIf cfg.vmOverCommit (lib.mkDefault 1);
    environment.systemPackages = [ cfg.package ];
    networking.firewall.allowedTCPPorts = lib.concatMap (s: lib.optional s.openFirewall s.port) (builtins.attrValues enabled);
    users.users = lib.mapAttrs' (
      name: s:
      lib.nameValuePair s.user {
        isSystemUser = true;
        group = s.user;
      }
    ) enabled;
    users.groups = lib.mapAttrs' (_: s: lib.nameValuePair s.user { }) enabled;
    systemd.services = lib.mapAttrs' (
      name: s:
      let
        settings = {
          port = s.port;
          daemonize = false;
          supervised = "systemd";
          dir = "/var/lib/${unitOf name}";
        }
        // lib.optionalAttrs (s.bind != null) { inherit (s) bind; }
        // lib.optionalAttrs (s.unixSocket != null) {
          unixsocket = s.unixSocket;
          unixsocketperm = s.unixSocketPerm;
        }
        // s.settings;
        file = pkgs.writeText "${unitOf name}.conf" (
          lib.concatStrings (
            lib.concatLists (
              lib.mapAttrsToList (n: v: map (x: "${n} ${value x}\n") (lib.toList v)) settings
            )
          )
        );
      in
      lib.nameValuePair (unitOf name) {
        description = "Redis Server${lib.optionalString (name != "") " - ${name}"}";
        wantedBy = [ "multi-user.target" ];
        after = [ "network.target" ];
        preStart = ''
          install -m 600 ${file} /run/${unitOf name}/redis.conf
          ${lib.optionalString (s.requirePassFile != null) "printf 'requirepass %s\\n' \"$(cat ${lib.escapeShellArg s.requirePassFile})\" >> /run/${unitOf name}/redis.conf"}
        '';
        serviceConfig = {
          ExecStart = "${cfg.package}/bin/redis-server /run/${unitOf name}/redis.conf";
          Type = "notify";
          User = s.user;
          Group = s.user;
          RuntimeDirectory = unitOf name;
          RuntimeDirectoryMode = "0750";
          StateDirectory = unitOf name;
          StateDirectoryMode = "0700";
          NoNewPrivileges = true;
          PrivateTmp = true;
          ProtectSystem = "strict";
          ProtectHome = true;
        };
      }
    ) enabled;
  };
}
