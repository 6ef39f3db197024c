{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "hello";
  version = "2.10";
  src = fetchurl {
    url = "mirror://debian/pool/main/h/hello/hello_2.10.orig.tar.gz";
    sha256 = "31e066137a962676e89f69d1b65382de95a7ef7d914b8cb956f41ea72e0f516b";
  };
  doInstallCheck = true;
  installCheckPhase = ''[ "$($out/bin/hello)" = "Hello, world!" ]'';
  meta = {
    description = "Prints a friendly greeting";
    homepage = "https://www.gnu.org/software/hello/";
    license = "GPL-3.0-or-later";
    mainProgram = "hello";
  };
}
