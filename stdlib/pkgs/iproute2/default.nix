{ stdenv, fetchurl, bison, flex, pkgconf }:

stdenv.mkDerivation {
  pname = "iproute2";
  version = "6.1.0";
  src = fetchurl {
    url = "mirror://debian/pool/main/i/iproute2/iproute2_6.1.0.orig.tar.xz";
    sha256 = "5ce12a0fec6b212725ef218735941b2dab76244db7e72646a76021b0537b43ab";
  };
  nativeBuildInputs = [ bison flex pkgconf ];
  dontAddPrefix = true;
  dontAddDisableDepTrack = true;
  makeFlags = [ "PREFIX=$(out)" "SBINDIR=$(out)/bin" "CONFDIR=$(out)/etc/iproute2" "MANDIR=$(out)/share/man" "DOCDIR=$(out)/share/doc/iproute2" "KERNEL_INCLUDE=" "ARPDDIR=$(TMPDIR)/arpd" "HOSTCC=gcc" ];
  preBuild = ''makeFlagsArray+=("CCOPTS=-O2 -pipe")'';
  doInstallCheck = true;
  installCheckPhase = "$out/bin/ip -V > /dev/null";
  meta = {
    description = "Links, addresses and routes";
    homepage = "https://wiki.linuxfoundation.org/networking/iproute2";
    license = "GPL-2.0-only";
    mainProgram = "ip";
  };
}
