# PostgreSQL for a project: its data stays in the service's directory, and everybody on this machine may connect without a password.
# It refuses to run as root, and its owner is `postgres` whoever starts it.
{ lib, pkgs }:
{
  services.postgres = {
    package = lib.mkDefault (pkgs.postgresql_15 or pkgs.postgresql);
    port = lib.mkDefault 5432;
    prepare = ''
      # An interrupted beginning is begun anew.
      [ -e "@state@/data" ] || {
        rm -rf "@state@/new"
        initdb --pgdata="@state@/new" --username=postgres --auth=trust --encoding=UTF8 --no-locale --no-sync
        mv "@state@/new" "@state@/data"
      }
    '';
    start = ''
      exec postgres -D "@state@/data" -p @port@ -c listen_addresses=127.0.0.1 -c unix_socket_directories=""
    '';
    ready = "pg_isready --quiet --host=127.0.0.1 --port=@port@";
    ordinary = true;
    # A fast shutdown: sessions are ended, data is written.
    stop = lib.mkDefault "INT";
    variables = {
      PGHOST = "127.0.0.1";
      PGPORT = "@port@";
      PGUSER = "postgres";
      PGDATA = "@state@/data";
      PGDATABASE = "postgres";
    };
  };
}
