{ stdenv, fetchurl, autoconf, perl }:

stdenv.mkDerivation {
  pname = "automake";
  version = "1.16.5";
  src = fetchurl {
    url = "mirror://debian/pool/main/a/automake-1.16/automake-1.16_1.16.5.orig.tar.xz";
    sha256 = "f01d58cd6d9d77fbdca9eb4bbd5ead1988228fdb73d6f7a201f5f8d6b118b469";
  };
  nativeBuildInputs = [ autoconf perl ];
  doInstallCheck = true;
  installCheckPhase = "$out/bin/automake --version > /dev/null";
  meta = {
    description = "Writes makefiles for configure scripts";
    homepage = "https://www.gnu.org/software/automake/";
    license = "GPL-2.0-or-later";
    mainProgram = "automake";
  };
}
