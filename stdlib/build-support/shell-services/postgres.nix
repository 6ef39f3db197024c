# PostgreSQL for a project: its data stays in the service's directory, and everybody on this machine may connect without a password.
{ lib, pkgs }:
{
  services.postgres = {
    package = lib.mkDefault (pkgs.postgresql_15 or pkgs.postgresql);
    port = lib.mkDefault 5432;
    prepare = ''
      [ -e "@state@/data/PG_VERSION" ] || initdb --pgdata="@state@/data" --auth=trust --no-sync
    '';
    start = ''
      exec postgres -D "@state@/data" -p @port@ -c listen_addresses=127.0.0.1 -c unix_socket_directories=""
    '';
    ready = "pg_isready --quiet --host=127.0.0.1 --port=@port@";
    # A fast shutdown: sessions are ended, data is written.
    stop = lib.mkDefault "INT";
    variables = {
      PGHOST = "127.0.0.1";
      PGPORT = "@port@";
      PGDATA = "@state@/data";
      PGDATABASE = "postgres";
    };
  };
}
