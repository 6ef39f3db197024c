{ stdenv, fetchurl, zlib }:

stdenv.mkDerivation {
  pname = "tcl";
  version = "8.6.13";
  src = fetchurl {
    url = "mirror://debian/pool/main/t/tcl8.6/tcl8.6_8.6.13+dfsg.orig.tar.gz";
    sha256 = "83bce7277e3825df0179567e0d8a431ebb1a126df53ea4a94af89dd4dd0f26d5";
  };
  buildInputs = [ zlib ];
  preConfigure = "cd unix";
  postInstall = "ln -s tclsh8.6 $out/bin/tclsh";
  doInstallCheck = true;
  installCheckPhase = ''[ "$(echo "puts [expr 6 * 7]" | $out/bin/tclsh)" = 42 ]'';
  meta = {
    description = "The tool command language";
    homepage = "https://www.tcl.tk/";
    license = "TCL";
    mainProgram = "tclsh";
  };
}
