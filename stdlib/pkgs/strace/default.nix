{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "strace";
  version = "6.1";
  src = fetchurl {
    url = "mirror://debian/pool/main/s/strace/strace_6.1.orig.tar.xz";
    sha256 = "2579e9cec37dbb786f6ea0bebd15f40dd561ef2bde2a2a2ecdce5963b01859fd";
  };
  configureFlags = [ "--enable-mpers=no" "--disable-gcc-Werror" ];
  doInstallCheck = true;
  installCheckPhase = "$out/bin/strace -V > /dev/null";
  meta = {
    description = "Shows the calls a program makes of the kernel";
    homepage = "https://strace.io/";
    license = "LGPL-2.1-or-later";
    mainProgram = "strace";
  };
}
