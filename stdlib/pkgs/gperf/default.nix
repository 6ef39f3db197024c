{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "gperf";
  version = "3.1";
  src = fetchurl {
    url = "mirror://debian/pool/main/g/gperf/gperf_3.1.orig.tar.gz";
    sha256 = "1f88819b78187350e7e6ca24b5e15cbf4083659773508d3f018b9b525e9d1cb8";
  };
  doInstallCheck = true;
  installCheckPhase = ''printf "a\nb\n" | $out/bin/gperf > /dev/null'';
  meta = {
    description = "Writes perfect hash functions";
    homepage = "https://www.gnu.org/software/gperf/";
    license = "GPL-3.0-or-later";
    mainProgram = "gperf";
  };
}
