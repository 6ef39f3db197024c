{ stdenv, fetchurl, openssl }:

stdenv.mkDerivation {
  pname = "libevent";
  version = "2.1.12";
  src = fetchurl {
    url = "mirror://debian/pool/main/libe/libevent/libevent_2.1.12-stable.orig.tar.gz";
    sha256 = "92e6de1be9ec176428fd2367677e61ceffc2ee1cb119035037a27d346b0403bb";
  };
  buildInputs = [ openssl ];
  configureFlags = [ "--disable-samples" ];
  # A script in Python that generates code for its own remote calls.
  postInstall = "rm -r $out/bin";
  doInstallCheck = true;
  installCheckPhase = ''
    cat > try.c <<END
    #include <event2/event.h>
    static void ring(int file, short what, void *rung) { *(int *)rung = 42; }
    int main(void) {
      struct event_base *base = event_base_new();
      struct timeval now = { 0, 1000 };
      int rung = 0;
      event_base_once(base, -1, EV_TIMEOUT, ring, &rung, &now);
      return event_base_dispatch(base) != 1 || rung != 42;
    }
    END
    cc -I$out/include try.c -L$out/lib -levent -o try
    ./try
  '';
  meta = {
    description = "Events of files, signals and timers";
    homepage = "https://libevent.org/";
    license = "BSD-3-Clause";
  };
}
