{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "lz4";
  version = "1.9.4";
  src = fetchurl {
    url = "mirror://debian/pool/main/l/lz4/lz4_1.9.4.orig.tar.gz";
    sha256 = "0b0e3aa07c8c063ddf40b082bdf7e37a1562bda40a0ff5272957f3e987e0e54b";
  };
  dontConfigure = true;
  makeFlags = [ "PREFIX=$(out)" ];
  doInstallCheck = true;
  installCheckPhase = ''[ "$(echo hi | $out/bin/lz4 | $out/bin/lz4 -d)" = hi ]'';
  meta = {
    description = "Very fast compression";
    homepage = "https://lz4.github.io/lz4/";
    license = "BSD-2-Clause";
    mainProgram = "lz4";
  };
}
