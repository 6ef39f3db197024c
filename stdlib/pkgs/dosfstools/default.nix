{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "dosfstools";
  version = "4.2";
  src = fetchurl {
    url = "mirror://debian/pool/main/d/dosfstools/dosfstools_4.2.orig.tar.gz";
    sha256 = "64926eebf90092dca21b14259a5301b7b98e7b1943e8a201c7d726084809b527";
  };
  configureFlags = [ "--enable-compat-symlinks" ];
  doInstallCheck = true;
  installCheckPhase = "truncate -s 2M image && $out/bin/mkfs.fat image > /dev/null && $out/bin/fsck.fat -n image > /dev/null";
  meta = {
    description = "The file system FAT";
    homepage = "https://github.com/dosfstools/dosfstools";
    license = "GPL-3.0-or-later";
    mainProgram = "mkfs.fat";
  };
}
