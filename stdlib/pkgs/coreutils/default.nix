{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "coreutils";
  version = "9.1";
  src = fetchurl {
    url = "mirror://debian/pool/main/c/coreutils/coreutils_9.1.orig.tar.xz";
    sha256 = "61a1f410d78ba7e7f37a5a4f50e6d1320aca33375484a3255eddf17a38580423";
  };
  FORCE_UNSAFE_CONFIGURE = 1;
  configureFlags = [ "--enable-no-install-program=stdbuf" ];
  doInstallCheck = true;
  installCheckPhase = ''[ "$($out/bin/expr 6 \* 7)" = 42 ]'';
  meta = {
    description = "The basic tools of the GNU system";
    homepage = "https://www.gnu.org/software/coreutils/";
    license = "GPL-3.0-or-later";
  };
}
