{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "zlib";
  version = "1.2.13";
  src = fetchurl {
    url = "mirror://debian/pool/main/z/zlib/zlib_1.2.13.dfsg.orig.tar.bz2";
    sha256 = "71feb7947e3c00ef125f83b79a4e529bde31171e5babe48b391f06758d1ab0a1";
  };
  dontDisableStatic = true;
  # Its configure script is not autoconf's and knows few options.
  dontAddDisableDepTrack = true;
  doCheck = true;
  meta = {
    description = "Lossless data compression";
    homepage = "https://zlib.net/";
    license = "Zlib";
  };
}
