{ stdenv, fetchurl, gnum4 }:

stdenv.mkDerivation {
  pname = "libtool";
  version = "2.4.7";
  src = fetchurl {
    url = "mirror://debian/pool/main/libt/libtool/libtool_2.4.7.orig.tar.xz";
    sha256 = "dd637e270439b208907ceead3f163470ed2ce5723ef97ffbda6463c64b57128a";
  };
  nativeBuildInputs = [ gnum4 ];
  # Its manual page is made by a tool that is not here.
  makeFlags = [ "HELP2MAN=true" ];
  # It looks for a shell by a program that sandboxes do not have.
  postInstall = "sed -i '1s@.*@#!/bin/sh@' $out/bin/libtoolize";
  doInstallCheck = true;
  installCheckPhase = "$out/bin/libtoolize --version > /dev/null";
  meta = {
    description = "Builds libraries everywhere";
    homepage = "https://www.gnu.org/software/libtool/";
    license = "GPL-2.0-or-later";
    mainProgram = "libtoolize";
  };
}
