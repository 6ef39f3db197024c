{ stdenv, fetchurl, pkgconf, util-linux }:

stdenv.mkDerivation {
  pname = "e2fsprogs";
  version = "1.47.0";
  src = fetchurl {
    url = "mirror://debian/pool/main/e/e2fsprogs/e2fsprogs_1.47.0.orig.tar.gz";
    sha256 = "6667afde56eef0c6af26684974400e4d2288ea49e9441bf5e6229195d51a3578";
  };
  nativeBuildInputs = [ pkgconf ];
  buildInputs = [ util-linux ];
  configureFlags = [
    "--enable-elf-shlibs"
    "--disable-libuuid"
    "--disable-libblkid"
    "--disable-uuidd"
    "--disable-fsck"
    "--without-crond-dir"
    "--without-systemd-unit-dir"
    "--without-udev-rules-dir"
    "--sysconfdir=${builtins.placeholder "out"}/etc"
  ];
  installTargets = "install install-libs";
  doInstallCheck = true;
  installCheckPhase = "truncate -s 8M image && $out/bin/mke2fs -q -t ext4 image && $out/bin/e2fsck -fn image > /dev/null";
  meta = {
    description = "The file systems ext2, ext3 and ext4";
    homepage = "https://e2fsprogs.sourceforge.net/";
    license = "GPL-2.0-only";
    mainProgram = "mke2fs";
  };
}
