{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "tar";
  version = "1.34";
  src = fetchurl {
    url = "mirror://debian/pool/main/t/tar/tar_1.34+dfsg.orig.tar.xz";
    sha256 = "7d57029540cb928394defb3b377b3531237c947e795b51aa8acac0c5ba0e4844";
  };
  # Its configure script refuses to run as root, which the user of a sandbox may look like.
  FORCE_UNSAFE_CONFIGURE = 1;
  doInstallCheck = true;
  installCheckPhase = ''$out/bin/tar --version > /dev/null'';
  meta = {
    description = "Archives of files";
    homepage = "https://www.gnu.org/software/tar/";
    license = "GPL-3.0-or-later";
    mainProgram = "tar";
  };
}
