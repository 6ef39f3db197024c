{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "pkgconf";
  version = "1.8.1";
  src = fetchurl {
    url = "mirror://debian/pool/main/p/pkgconf/pkgconf_1.8.1.orig.tar.xz";
    sha256 = "644361ada2942be05655d4452eb018791647c31bba429b287f1f68deb2dc6840";
  };
  postInstall = "ln -s pkgconf $out/bin/pkg-config";
  doInstallCheck = true;
  installCheckPhase = ''$out/bin/pkg-config --version > /dev/null'';
  meta = {
    description = "Finds libraries and the flags to use them";
    homepage = "http://pkgconf.org/";
    license = "ISC";
    mainProgram = "pkgconf";
  };
}
