{ stdenv, fetchurl, ncurses, pkgconf }:

stdenv.mkDerivation {
  pname = "nano";
  version = "7.2";
  src = fetchurl {
    url = "mirror://debian/pool/main/n/nano/nano_7.2.orig.tar.xz";
    sha256 = "86f3442768bd2873cec693f83cdf80b4b444ad3cc14760b74361474fc87a4526";
  };
  nativeBuildInputs = [ pkgconf ];
  buildInputs = [ ncurses ];
  configureFlags = [ "--disable-nls" "--disable-libmagic" ];
  doInstallCheck = true;
  installCheckPhase = "$out/bin/nano --version > /dev/null";
  meta = {
    description = "A small text editor";
    homepage = "https://www.nano-editor.org/";
    license = "GPL-3.0-or-later";
    mainProgram = "nano";
  };
}
