{ stdenv, fetchurl, bzip2, expat, libffi, ncurses, openssl, pkgconf, readline, sqlite, xz, zlib }:

stdenv.mkDerivation {
  pname = "python";
  version = "3.11.2";
  src = fetchurl {
    url = "mirror://debian/pool/main/p/python3.11/python3.11_3.11.2.orig.tar.gz";
    sha256 = "2411c74bda5bbcfcddaf4531f66d1adc73f247f529aee981b029513aefdbf849";
  };
  nativeBuildInputs = [ pkgconf ];
  buildInputs = [ bzip2 expat libffi ncurses openssl readline sqlite xz zlib ];
  configureFlags = [
    "--enable-shared"
    "--without-ensurepip"
    "--with-system-expat"
    "--with-system-ffi"
    "--with-openssl=${openssl}"
    "--with-readline=readline"
    "--disable-test-modules"
  ];
  # Modules that were found missing say so, instead of being left out quietly.
  preConfigure = ''
    export CPPFLAGS="$NIX_CFLAGS_COMPILE" PYTHONHASHSEED=0 LDFLAGS="''${NIX_LDFLAGS/-rpath $out\/lib/}"
  '';
  postInstall = ''
    ln -s python3 $out/bin/python
    rm -r $out/lib/python3.11/config-3.11-*/*.a $out/lib/python3.11/idlelib/Icons || true
  '';
  passthru = { sitePackages = "lib/python3.11/site-packages"; };
  doInstallCheck = true;
  installCheckPhase = "$out/bin/python3 -c 'import ssl, sqlite3, ctypes, zlib, bz2, lzma, readline, curses, hashlib; assert 6 * 7 == 42' ";
  meta = {
    description = "The language Python";
    homepage = "https://www.python.org/";
    license = "Python-2.0";
    mainProgram = "python3";
  };
}
