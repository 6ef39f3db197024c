{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "mtools";
  version = "4.0.32";
  src = fetchurl {
    url = "mirror://debian/pool/main/m/mtools/mtools_4.0.33-1+really4.0.32.orig.tar.bz2";
    sha256 = "d540ca05fb1726d7218bb9f8df8742e6cb301129a20333b0b41c6b2c357c788e";
  };
  configureFlags = [ "--disable-floppyd" "--without-x" ];
  doInstallCheck = true;
  installCheckPhase = "$out/bin/mtools --version > /dev/null";
  meta = {
    description = "Files on FAT images, without mounting";
    homepage = "https://www.gnu.org/software/mtools/";
    license = "GPL-3.0-or-later";
    mainProgram = "mtools";
  };
}
