{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "libffi";
  version = "3.4.4";
  src = fetchurl {
    url = "mirror://debian/pool/main/libf/libffi/libffi_3.4.4.orig.tar.gz";
    sha256 = "d66c56ad259a82cf2a9dfc408b32bf5da52371500b84745f7fb8b645712df676";
  };
  meta = {
    description = "Calls of functions whose types are known only at run time";
    homepage = "https://sourceware.org/libffi/";
    license = "MIT";
  };
}
