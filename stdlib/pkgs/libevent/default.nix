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
  meta = {
    description = "Events of files, signals and timers";
    homepage = "https://libevent.org/";
    license = "BSD-3-Clause";
  };
}
