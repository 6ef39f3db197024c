{ stdenv, fetchurl, tcl, zlib }:

stdenv.mkDerivation {
  pname = "sqlite";
  version = "3.40.1";
  src = fetchurl {
    url = "mirror://debian/pool/main/s/sqlite3/sqlite3_3.40.1.orig.tar.xz";
    sha256 = "aaa776260ab4dc976db34aa7891819484c8676b5b2783123ebc6301e2ca5d655";
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
