{ stdenv, fetchurl, pcre2 }:

stdenv.mkDerivation {
  pname = "grep";
  version = "3.8";
  src = fetchurl {
    url = "mirror://debian/pool/main/g/grep/grep_3.8.orig.tar.xz";
    sha256 = "498d7cc1b4fb081904d87343febb73475cf771e424fb7e6141aff66013abc382";
  };
  buildInputs = [ pcre2 ];
  doInstallCheck = true;
  installCheckPhase = ''[ "$(printf "a\nb\n" | $out/bin/grep b)" = b ]'';
  meta = {
    description = "Finds lines";
    homepage = "https://www.gnu.org/software/grep/";
    license = "GPL-3.0-or-later";
    mainProgram = "grep";
  };
}
