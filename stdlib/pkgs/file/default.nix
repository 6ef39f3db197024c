{ stdenv, fetchurl, zlib }:

stdenv.mkDerivation {
  pname = "file";
  version = "5.44";
  src = fetchurl {
    url = "mirror://debian/pool/main/f/file/file_5.44.orig.tar.gz";
    sha256 = "3751c7fba8dbc831cb8d7cc8aff21035459b8ce5155ef8b0880a27d028475f3b";
  };
  buildInputs = [ zlib ];
  doInstallCheck = true;
  installCheckPhase = ''$out/bin/file $out/bin/file | grep -q ELF'';
  meta = {
    description = "Says what kind of file it is";
    homepage = "https://www.darwinsys.com/file/";
    license = "BSD-2-Clause";
    mainProgram = "file";
  };
}
