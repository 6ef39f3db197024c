{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "make";
  version = "4.3";
  src = fetchurl {
    url = "mirror://debian/pool/main/m/make-dfsg/make-dfsg_4.3.orig.tar.gz";
    sha256 = "be4c17542578824e745f83bcd2a9ba264206187247cb6a5f5df99b0a9d1f9047";
  };
  doInstallCheck = true;
  installCheckPhase = ''$out/bin/make --version > /dev/null'';
  meta = {
    description = "Builds what is out of date";
    homepage = "https://www.gnu.org/software/make/";
    license = "GPL-3.0-or-later";
    mainProgram = "make";
  };
}
