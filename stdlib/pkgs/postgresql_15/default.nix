{ stdenv, fetchurl, lz4, openssl, pkgconf, readline, zlib, zstd }:

stdenv.mkDerivation {
  pname = "postgresql";
  version = "15.18";
  src = fetchurl {
    url = "mirror://debian/pool/main/p/postgresql-15/postgresql-15_15.18.orig.tar.bz2";
    sha256 = "11df0df97fe3ea4ba9a791faaf39cee1d2fe571e78885b5b55d8517d27c323b4";
  };
  nativeBuildInputs = [ pkgconf ];
  buildInputs = [ lz4 openssl readline zlib zstd ];
  configureFlags = [ "--with-openssl" "--with-lz4" "--with-zstd" "--sysconfdir=/etc" ];
  # With the extensions that come along, without the manual.
  buildFlags = [ "world-bin" ];
  installTargets = "install-world-bin";
  doInstallCheck = true;
  installCheckPhase = ''
    export PGDATA=$TMPDIR/data PGHOST=$TMPDIR
    $out/bin/initdb --no-locale --encoding=UTF8 --username=someone --no-sync > /dev/null
    $out/bin/pg_ctl start --wait --log=$TMPDIR/log --options="-c listen_addresses= -c unix_socket_directories=$PGHOST"
    answer=$($out/bin/psql --username=someone --dbname=postgres --no-align --tuples-only --command='select 6 * 7')
    $out/bin/pg_ctl stop --mode=fast > /dev/null
    [ "$answer" = 42 ]
  '';
  meta = {
    description = "A database that speaks SQL";
    homepage = "https://www.postgresql.org/";
    license = "PostgreSQL";
    mainProgram = "postgres";
  };
}
