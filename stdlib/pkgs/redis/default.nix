{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "redis";
  version = "7.0.15";
  src = fetchurl {
    url = "mirror://debian/pool/main/r/redis/redis_7.0.15.orig.tar.gz";
    sha256 = "4b1dc4ee6d622a09fff9c6777191209750fb5e5a725ef78ea012d6eef4c22982";
  };
  dontConfigure = true;
  makeFlags = [ "PREFIX=$(out)" "MALLOC=libc" "BUILD_TLS=no" ];
  doInstallCheck = true;
  installCheckPhase = ''
    $out/bin/redis-server --port 0 --unixsocket "$PWD/s" --daemonize yes > /dev/null
    for i in 1 2 3 4 5 6 7 8 9 10; do [ -S s ] || sleep 0.2; done
    [ "$($out/bin/redis-cli -s "$PWD/s" ping)" = PONG ]
    $out/bin/redis-cli -s "$PWD/s" shutdown nosave
  '';
  meta = {
    description = "A store of data structures in memory";
    homepage = "https://redis.io/";
    license = "BSD-3-Clause";
    mainProgram = "redis-server";
  };
}
