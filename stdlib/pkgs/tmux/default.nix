{ stdenv, fetchurl, bison, libevent, ncurses, pkgconf }:

stdenv.mkDerivation {
  pname = "tmux";
  version = "3.3a";
  src = fetchurl {
    url = "mirror://debian/pool/main/t/tmux/tmux_3.3a.orig.tar.gz";
    sha256 = "e4fd347843bd0772c4f48d6dde625b0b109b7a380ff15db21e97c11a4dcdf93f";
  };
  nativeBuildInputs = [ bison pkgconf ];
  buildInputs = [ libevent ncurses ];
  doInstallCheck = true;
  installCheckPhase = ''
    export LC_ALL=C.UTF-8 TERM=xterm TMUX_TMPDIR=$TMPDIR
    tmux() { $out/bin/tmux -L try -f /dev/null "$@"; }
    tmux new-session -d -s one 'echo the answer is $((6 * 7)); sleep 60'
    for attempt in $(seq 100); do
      tmux capture-pane -p -t one | grep -q 'answer is 42' && break
      sleep 0.1
    done
    tmux capture-pane -p -t one | grep -q 'answer is 42'
    tmux kill-server
  '';
  meta = {
    description = "Several terminals in one";
    homepage = "https://tmux.github.io/";
    license = "ISC";
    mainProgram = "tmux";
  };
}
