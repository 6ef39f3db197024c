/**
  A database server: PostgreSQL, with the databases and users it shall have.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.postgresql;

  value = v: if builtins.isBool v then (if v then "yes" else "no") else if builtins.isString v then "'${lib.replaceStrings [ "'" ] [ "''" ] v}'" else toString v;

  userModule =
    { name, ... }:
    {
      options = {
        name = mkOption {
          type = types.str;
          default = name;
          description = "The user's name.";
        };
        ensureDBOwnership = mkOption {
          type = types.bool;
          default = false;
          description = "Whether the user owns the database of its name.";
        };
        ensureClauses = mkOption {
          type = types.attrsOf (types.nullOr types.bool);
          default = { };
          example = { createdb = true; };
          description = "Rights that the user has or has not.";
        };
      };
    };
  clauses = set: lib.concatStringsSep " " (lib.mapAttrsToList (n: v: (if v then "" else "no") + n) (lib.filterAttrs (_: v: v != null) set));
in
{
  options.services.postgresql = {
    enable = lib.mkEnableOption "the PostgreSQL server";
    package = mkOption {
      type = types.package;
      default = pkgs.postgresql_15 or pkgs.postgresql;
      defaultText = lib.literalExpression "pkgs.postgresql_15";
      description = "The package of PostgreSQL.";
    };
    dataDir = mkOption {
      type = types.path;
      default = "/var/lib/postgresql/${lib.versions.major cfg.package.version}";
      defaultText = lib.literalMD "`/var/lib/postgresql/` with the major version";
      description = "Where the data is.";
    };
    enableTCPIP = mkOption {
      type = types.bool;
      default = false;
      description = "Whether others can connect.";
    };
    authentication = mkOption {
      type = types.lines;
      default = "";
      description = "Who may connect how: lines of `pg_hba.conf`.";
    };
    identMap = mkOption {
      type = types.lines;
      default = "";
      description = "Lines of `pg_ident.conf`.";
    };
    initialScript = mkOption {
      type = types.nullOr types.path;
      default = null;
      description = "Commands to run once, when the data is made.";
    };
    initdbArgs = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Arguments of `initdb`.";
    };
    ensureDatabases = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Databases that shall be there.";
    };
    ensureUsers = mkOption {
      type = types.listOf (types.submodule userModule);
      default = [ ];
      description = "Users that shall be there.";
    };
    settings = mkOption {
      type = types.submodule {
        freeformType = types.attrsOf (types.oneOf [ types.bool types.int types.float types.str ]);
        options.port = mkOption {
          type = types.port;
          default = 5432;
          description = "The port.";
        };
      };
      default = { };
      description = "Settings of the server.";
    };
  };

  config = lib.mkIf cfg.enable {
    services.postgresql = {
      authentication = lib.mkAfter ''
        local all postgres peer map=postgres
        local all all peer
        host  all all 127.0.0.1/32 md5
        host  all all ::1/128 md5
      '';
      identMap = "postgres postgres postgres\npostgres root postgres\n";
      settings = {
        listen_addresses = lib.mkDefault (if cfg.enableTCPIP then "*" else "localhost");
        unix_socket_directories = lib.mkDefault "/run/postgresql";
        log_destination = lib.mkDefault "stderr";
        hba_file = "${pkgs.writeText "pg_hba.conf" cfg.authentication}";
        ident_file = "${pkgs.writeText "pg_ident.conf" cfg.identMap}";
      };
    };
    users.users.postgres = {
      uid = config.ids.uids.postgres;
      isSystemUser = true;
      group = "postgres";
      home = cfg.dataDir;
      useDefaultShell = true;
    };
    users.groups.postgres.gid = config.ids.gids.postgres;
    environment.systemPackages = [ cfg.package ];

    systemd.services.postgresql = {
      description = "PostgreSQL Server";
      wantedBy = [ "multi-user.target" ];
      after = [ "network.target" ];
      environment.PGDATA = cfg.dataDir;
      path = [ cfg.package ];
      preStart = ''
        if ! [ -e "$PGDATA/PG_VERSION" ]; then
          initdb -U postgres ${lib.escapeShellArgs cfg.initdbArgs}
          touch "$PGDATA/.first-start"
        fi
        ln -sfn ${
          pkgs.writeText "postgresql.conf" (lib.concatStrings (lib.mapAttrsToList (n: v: "${n} = ${value v}\n") cfg.settings))
        } "$PGDATA/postgresql.conf"
      '';
      postStart = ''
        run() { psql --port=${toString cfg.settings.port} -h /run/postgresql -U postgres -d postgres -AqtX "$@"; }
        while ! run -c "" 2>/dev/null; do
          kill -0 "$MAINPID" || exit 1
          sleep 0.1
        done
        ${lib.concatMapStrings (db: ''
          run -c "SELECT 1 FROM pg_database WHERE datname = '${db}'" | grep -q 1 || run -c 'CREATE DATABASE "${db}"'
        '') cfg.ensureDatabases}
        ${lib.concatMapStrings (u: ''
          run -c "SELECT 1 FROM pg_roles WHERE rolname = '${u.name}'" | grep -q 1 || run -c 'CREATE USER "${u.name}"'
          ${lib.optionalString u.ensureDBOwnership "run -c 'ALTER DATABASE \"${u.name}\" OWNER TO \"${u.name}\"'"}
          ${lib.optionalString (clauses u.ensureClauses != "") "run -c 'ALTER ROLE \"${u.name}\" ${clauses u.ensureClauses}'"}
        '') cfg.ensureUsers}
        if [ -e "$PGDATA/.first-start" ]; then
          ${lib.optionalString (cfg.initialScript != null) "run -f ${toString cfg.initialScript}"}
          rm -f "$PGDATA/.first-start"
        fi
      '';
      serviceConfig = {
        ExecStart = "${cfg.package}/bin/postgres";
        User = "postgres";
        Group = "postgres";
        RuntimeDirectory = "postgresql";
        StateDirectory = lib.mkIf (lib.hasPrefix "/var/lib/postgresql/" cfg.dataDir) "postgresql ${lib.removePrefix "/var/lib/" cfg.dataDir}";
        StateDirectoryMode = "0750";
        KillSignal = "SIGINT";
        KillMode = "mixed";
        TimeoutSec = 120;
      };
    };
    assertions = map (u: {
      assertion = !u.ensureDBOwnership || builtins.elem u.name cfg.ensureDatabases;
      message = "services.postgresql.ensureUsers: `${u.name}' shall own the database of its name, which is not in ensureDatabases.";
    }) cfg.ensureUsers;
  };
}
