{ stdenv, fetchurl, ncurses }:

stdenv.mkDerivation {
  pname = "zsh";
  version = "5.9";
  src = fetchurl {
    url = "mirror://debian/pool/main/z/zsh/zsh_5.9.orig.tar.xz";
    sha256 = "9b8d1ecedd5b5e81fbf1918e876752a7dd948e05c1a0dba10ab863842d45acd5";
  };
  buildInputs = [ ncurses ];
  configureFlags = [
    "--enable-multibyte"
    "--with-tcsetpgrp"
    "--sysconfdir=/etc"
    "--enable-etcdir=/etc"
    "--disable-gdbm"
  ];
  doInstallCheck = true;
  installCheckPhase = ''[ "$($out/bin/zsh -fc 'echo $((6 * 7))')" = 42 ]'';
  meta = {
    description = "A shell for working in";
    homepage = "https://www.zsh.org/";
    license = "MIT";
    mainProgram = "zsh";
  };
}
