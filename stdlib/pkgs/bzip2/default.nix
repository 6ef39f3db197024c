{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "bzip2";
  version = "1.0.8";
  src = fetchurl {
    url = "mirror://debian/pool/main/b/bzip2/bzip2_1.0.8.orig.tar.gz";
    sha256 = "ab5a03176ee106d3f0fa90e381da478ddae405918153cca248e682cd0c4a2269";
  };
  dontConfigure = true;
  makeFlags = [ "PREFIX=$(out)" ];
  preBuild = ''makeFlagsArray+=("CFLAGS=-O2 -fPIC -D_FILE_OFFSET_BITS=64")'';
  postBuild = "make -f Makefile-libbz2_so clean && make -f Makefile-libbz2_so";
  postInstall = ''
    install -m 755 libbz2.so.1.0.8 $out/lib/
    ln -s libbz2.so.1.0.8 $out/lib/libbz2.so.1.0
    ln -s libbz2.so.1.0.8 $out/lib/libbz2.so
    ln -sf bzgrep $out/bin/bzegrep
    ln -sf bzgrep $out/bin/bzfgrep
    ln -sf bzmore $out/bin/bzless
    ln -sf bzdiff $out/bin/bzcmp
  '';
  doInstallCheck = true;
  installCheckPhase = ''[ "$(echo hi | $out/bin/bzip2 | $out/bin/bzip2 -d)" = hi ]'';
  meta = {
    description = "Block-sorting compression";
    homepage = "https://sourceware.org/bzip2/";
    license = "bzip2-1.0.6";
    mainProgram = "bzip2";
  };
}
