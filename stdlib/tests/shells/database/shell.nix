# A project in Python with a database and a C library: what `firn develop -f shell.nix`, `nix-shell` and the hook open.
{
  pkgs ? import ../../.. { },
}:
pkgs.mkShell {
  packages = [
    pkgs.python311
    pkgs.postgresql_15
  ];
  buildInputs = [ pkgs.zlib ];
  # The project's own database, beside its files; clients find it without being told.
  shellHook = ''
    export PGDATA=''${PROJECT_STATE:-$PWD/.state}/postgres
    export PGHOST=$PGDATA
  '';
}
