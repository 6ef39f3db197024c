{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "patch";
  version = "2.7.6";
  src = fetchurl {
    url = "mirror://debian/pool/main/p/patch/patch_2.7.6.orig.tar.xz";
    sha256 = "ac610bda97abe0d9f6b7c963255a11dcb196c25e337c61f94e4778d632f1d8fd";
  };
  doInstallCheck = true;
  installCheckPhase = ''$out/bin/patch --version > /dev/null'';
  meta = {
    description = "Applies differences";
    homepage = "https://www.gnu.org/software/patch/";
    license = "GPL-3.0-or-later";
    mainProgram = "patch";
  };
}
