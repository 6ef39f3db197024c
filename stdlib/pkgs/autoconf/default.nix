{ stdenv, fetchurl, gnum4, perl }:

stdenv.mkDerivation {
  pname = "autoconf";
  version = "2.71";
  src = fetchurl {
    url = "mirror://debian/pool/main/a/autoconf/autoconf_2.71.orig.tar.gz";
    sha256 = "431075ad0bf529ef13cb41e9042c542381103e80015686222b8a9d4abef42a1c";
  };
  nativeBuildInputs = [ perl ];
  propagatedBuildInputs = [ gnum4 perl ];
  doInstallCheck = true;
  installCheckPhase = "$out/bin/autoconf --version > /dev/null";
  meta = {
    description = "Writes configure scripts";
    homepage = "https://www.gnu.org/software/autoconf/";
    license = "GPL-3.0-or-later";
    mainProgram = "autoconf";
  };
}
