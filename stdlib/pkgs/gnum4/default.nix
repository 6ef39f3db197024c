{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "m4";
  version = "1.4.19";
  src = fetchurl {
    url = "mirror://debian/pool/main/m/m4/m4_1.4.19.orig.tar.xz";
    sha256 = "63aede5c6d33b6d9b13511cd0be2cac046f2e70fd0a07aa9573a04a82783af96";
  };
  doInstallCheck = true;
  installCheckPhase = ''[ "$(echo "eval(6 * 7)" | $out/bin/m4)" = 42 ]'';
  meta = {
    description = "A macro processor";
    homepage = "https://www.gnu.org/software/m4/";
    license = "GPL-3.0-or-later";
    mainProgram = "m4";
  };
}
