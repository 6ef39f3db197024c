{ stdenv, fetchurl, autoreconfHook }:

stdenv.mkDerivation {
  pname = "oniguruma";
  version = "6.9.8";
  src = fetchurl {
    url = "mirror://debian/pool/main/libo/libonig/libonig_6.9.8.orig.tar.gz";
    sha256 = "26372720bab6733c869a9eb69377f73971138dc5e3eff4a81f5ba8aea5435fb2";
  };
  nativeBuildInputs = [ autoreconfHook ];
  postInstall = "rm -r $out/bin";
  meta = {
    description = "Regular expressions in many encodings and dialects";
    homepage = "https://github.com/kkos/oniguruma";
    license = "BSD-2-Clause";
  };
}
