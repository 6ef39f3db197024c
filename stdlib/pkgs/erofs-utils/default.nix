{ stdenv, fetchurl, autoreconfHook, lz4, pkgconf, util-linux }:

stdenv.mkDerivation {
  pname = "erofs-utils";
  version = "1.5";
  src = fetchurl {
    url = "mirror://debian/pool/main/e/erofs-utils/erofs-utils_1.5.orig.tar.gz";
    sha256 = "2310fa4377b566bf943e8eef992db3990f759528d5973e700efe3e4cb115ec23";
  };
  nativeBuildInputs = [ autoreconfHook pkgconf ];
  buildInputs = [ lz4 util-linux ];
  configureFlags = [ "--disable-fuse" ];
  doInstallCheck = true;
  installCheckPhase = "mkdir tree && echo hi > tree/f && $out/bin/mkfs.erofs -zlz4 image tree > /dev/null && [ -s image ]";
  meta = {
    description = "A read-only file system";
    homepage = "https://git.kernel.org/pub/scm/linux/kernel/git/xiang/erofs-utils.git";
    license = "GPL-2.0-or-later";
    mainProgram = "mkfs.erofs";
  };
}
