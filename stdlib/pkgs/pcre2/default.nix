{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "pcre2";
  version = "10.42";
  src = fetchurl {
    url = "mirror://debian/pool/main/p/pcre2/pcre2_10.42.orig.tar.gz";
    sha256 = "c33b418e3b936ee3153de2c61cc638e7e4fe3156022a5c77d0711bcbb9d64f1f";
  };
  doInstallCheck = true;
  installCheckPhase = ''[ "$(echo aXb | $out/bin/pcre2grep -o "[A-Z]")" = X ]'';
  meta = {
    description = "Regular expressions as Perl has them";
    homepage = "https://www.pcre.org/";
    license = "BSD-3-Clause";
  };
}
