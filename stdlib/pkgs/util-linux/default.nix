{ stdenv, fetchurl, ncurses, pkgconf, readline, zlib }:

stdenv.mkDerivation {
  pname = "util-linux";
  version = "2.38.1";
  src = fetchurl {
    url = "mirror://debian/pool/main/u/util-linux/util-linux_2.38.1.orig.tar.xz";
    sha256 = "60492a19b44e6cf9a3ddff68325b333b8b52b6c59ce3ebd6a0ecaa4c5117e84f";
  };
  nativeBuildInputs = [ pkgconf ];
  buildInputs = [ ncurses readline zlib ];
  configureFlags = [
    "--without-python"
    "--without-systemd"
    "--without-udev"
    "--without-cap-ng"
    "--disable-makeinstall-chown"
    "--disable-makeinstall-setuid"
    "--disable-use-tty-group"
    "--disable-chfn-chsh"
    "--disable-login"
    "--disable-su"
    "--disable-runuser"
    "--disable-nls"
    "--disable-bash-completion"
    "--localstatedir=/var"
  ];
  doInstallCheck = true;
  installCheckPhase = ''[ "$($out/bin/getopt -o a: -- -a 42)" = " -a '42' --" ] && $out/bin/lsblk --version > /dev/null'';
  meta = {
    description = "The basic tools of Linux";
    homepage = "https://www.kernel.org/pub/linux/utils/util-linux/";
    license = "GPL-2.0-or-later";
  };
}
