{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "busybox";
  version = "1.35.0";
  src = fetchurl {
    url = "mirror://debian/pool/main/b/busybox/busybox_1.35.0.orig.tar.bz2";
    sha256 = "faeeb244c35a348a334f4a59e44626ee870fb07b6884d68c10ae8bc19f83a694";
  };
  configurePhase = ''
    export KCONFIG_NOTIMESTAMP=1
    make defconfig > /dev/null
    sed -i 's@^CONFIG_TC=y@# CONFIG_TC is not set@' .config
  '';
  makeFlags = [ "CONFIG_PREFIX=$(out)" ];
  # The applets are links beside the program.
  postInstall = ''
    rm -f $out/linuxrc
    if [ -d $out/usr ]; then cp -a $out/usr/. $out/ && rm -r $out/usr; fi
  '';
  doInstallCheck = true;
  installCheckPhase = ''[ "$($out/bin/busybox expr 6 \* 7)" = 42 ]'';
  meta = {
    description = "Many small tools in one program";
    homepage = "https://busybox.net/";
    license = "GPL-2.0-only";
    mainProgram = "busybox";
  };
}
