{ stdenv, fetchurl, tcl, zlib }:

stdenv.mkDerivation {
  pname = "sqlite";
  version = "3.34.1";
  src = fetchurl {
    url = "mirror://debian/pool/main/s/sqlite3/sqlite3_3.34.1.orig.tar.xz";
    sha256 = "082f583440c662cb484ae1c124ffe285b587bbb7837e095e693026e6df50334d";
  };
  nativeBuildInputs = [ tcl ];
  buildInputs = [ zlib ];
  configureFlags = [ "--disable-tcl" ];
  doInstallCheck = true;
  installCheckPhase = ''[ "$(echo "select 6 * 7;" | $out/bin/sqlite3)" = 42 ]'';
  meta = {
    description = "A relational database in one library and one file";
    homepage = "https://www.sqlite.org/";
    license = "Public domain";
    mainProgram = "sqlite3";
  };
}
