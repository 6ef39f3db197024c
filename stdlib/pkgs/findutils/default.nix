{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "findutils";
  version = "4.9.0";
  src = fetchurl {
    url = "mirror://debian/pool/main/f/findutils/findutils_4.9.0.orig.tar.xz";
    sha256 = "a2bfb8c09d436770edc59f50fa483e785b161a3b7b9d547573cb08065fd462fe";
  };
  doInstallCheck = true;
  installCheckPhase = ''[ "$($out/bin/find $out/bin/xargs)" = $out/bin/xargs ]'';
  meta = {
    description = "Finds files";
    homepage = "https://www.gnu.org/software/findutils/";
    license = "GPL-3.0-or-later";
    mainProgram = "find";
  };
}
