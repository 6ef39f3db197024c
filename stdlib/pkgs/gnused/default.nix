{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "sed";
  version = "4.9";
  src = fetchurl {
    url = "mirror://debian/pool/main/s/sed/sed_4.9.orig.tar.xz";
    sha256 = "6e226b732e1cd739464ad6862bd1a1aba42d7982922da7a53519631d24975181";
  };
  doInstallCheck = true;
  installCheckPhase = ''[ "$(echo a | $out/bin/sed s/a/b/)" = b ]'';
  meta = {
    description = "A stream editor";
    homepage = "https://www.gnu.org/software/sed/";
    license = "GPL-3.0-or-later";
    mainProgram = "sed";
  };
}
