{ stdenv, fetchurl, ncurses }:

stdenv.mkDerivation {
  pname = "less";
  version = "590";
  src = fetchurl {
    url = "mirror://debian/pool/main/l/less/less_590.orig.tar.gz";
    sha256 = "6aadf54be8bf57d0e2999a3c5d67b1de63808bb90deb8f77b028eafae3a08e10";
  };
  buildInputs = [ ncurses ];
  doInstallCheck = true;
  installCheckPhase = ''$out/bin/less --version > /dev/null'';
  meta = {
    description = "A pager";
    homepage = "https://www.greenwoodsoftware.com/less/";
    license = "GPL-3.0-or-later";
    mainProgram = "less";
  };
}
