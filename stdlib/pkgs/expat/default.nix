{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "expat";
  version = "2.5.0";
  src = fetchurl {
    url = "mirror://debian/pool/main/e/expat/expat_2.5.0.orig.tar.gz";
    sha256 = "ab00ee05c7067fd10a35c5d2a4922ebba746ddd50ff83b79c828da17bbdf1757";
  };
  meta = {
    description = "An XML parser";
    homepage = "https://libexpat.github.io/";
    license = "MIT";
  };
}
