{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "gzip";
  version = "1.12";
  src = fetchurl {
    url = "mirror://debian/pool/main/g/gzip/gzip_1.12.orig.tar.xz";
    sha256 = "ce5e03e519f637e1f814011ace35c4f87b33c0bbabeec35baf5fbd3479e91956";
  };
  doInstallCheck = true;
  installCheckPhase = ''[ "$(echo hi | $out/bin/gzip | $out/bin/gzip -d)" = hi ]'';
  meta = {
    description = "Compression everybody has";
    homepage = "https://www.gnu.org/software/gzip/";
    license = "GPL-3.0-or-later";
    mainProgram = "gzip";
  };
}
