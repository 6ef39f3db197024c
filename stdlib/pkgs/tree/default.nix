{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "tree";
  version = "2.1.0";
  src = fetchurl {
    url = "mirror://debian/pool/main/t/tree/tree_2.1.0.orig.tar.gz";
    sha256 = "0160c535bff2b0dc6a830b9944e981e3427380f63e748da96ced7071faebabf6";
  };
  dontConfigure = true;
  installFlags = [ "PREFIX=$(out)" "DESTDIR=$(out)/bin" "MANDIR=$(out)/share/man" ];
  doInstallCheck = true;
  installCheckPhase = ''$out/bin/tree --version > /dev/null'';
  meta = {
    description = "Shows folders as a tree";
    homepage = "http://mama.indstate.edu/users/ice/tree/";
    license = "GPL-2.0-or-later";
    mainProgram = "tree";
  };
}
