{ stdenv, fetchurl, autoreconfHook, ncurses }:

stdenv.mkDerivation {
  pname = "htop";
  version = "3.2.2";
  src = fetchurl {
    url = "mirror://debian/pool/main/h/htop/htop_3.2.2.orig.tar.gz";
    sha256 = "3829c742a835a0426db41bb039d1b976420c21ec65e93b35cd9bfd2d57f44ac8";
  };
  nativeBuildInputs = [ autoreconfHook ];
  buildInputs = [ ncurses ];
  doInstallCheck = true;
  installCheckPhase = "$out/bin/htop --version > /dev/null";
  meta = {
    description = "An interactive list of processes";
    homepage = "https://htop.dev/";
    license = "GPL-2.0-only";
    mainProgram = "htop";
  };
}
