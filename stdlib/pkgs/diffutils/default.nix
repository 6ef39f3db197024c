{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "diffutils";
  version = "3.8";
  src = fetchurl {
    url = "mirror://debian/pool/main/d/diffutils/diffutils_3.8.orig.tar.xz";
    sha256 = "a6bdd7d1b31266d11c4f4de6c1b748d4607ab0231af5188fc2533d0ae2438fec";
  };
  doInstallCheck = true;
  installCheckPhase = ''$out/bin/diff --version > /dev/null'';
  meta = {
    description = "Differences between files";
    homepage = "https://www.gnu.org/software/diffutils/";
    license = "GPL-3.0-or-later";
    mainProgram = "diff";
  };
}
