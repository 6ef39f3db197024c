{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "xz";
  version = "5.4.1";
  src = fetchurl {
    url = "mirror://debian/pool/main/x/xz-utils/xz-utils_5.4.1.orig.tar.xz";
    sha256 = "5d9827aa1875b21c288f78864bb26d2650b436ea8d2cad364e4921eb6266a5a5";
  };
  doInstallCheck = true;
  installCheckPhase = ''[ "$(echo hi | $out/bin/xz | $out/bin/xz -d)" = hi ]'';
  meta = {
    description = "Strong compression";
    homepage = "https://tukaani.org/xz/";
    license = "Public domain";
    mainProgram = "xz";
  };
}
