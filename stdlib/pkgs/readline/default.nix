{ stdenv, fetchurl, ncurses }:

stdenv.mkDerivation {
  pname = "readline";
  version = "8.2";
  src = fetchurl {
    url = "mirror://debian/pool/main/r/readline/readline_8.2.orig.tar.gz";
    sha256 = "3feb7171f16a84ee82ca18a36d7b9be109a52c04f492a053331d7d1095007c35";
  };
  propagatedBuildInputs = [ ncurses ];
  makeFlags = [ "SHLIB_LIBS=-lncursesw" ];
  meta = {
    description = "Line editing with history";
    homepage = "https://www.gnu.org/software/readline/";
    license = "GPL-3.0-or-later";
  };
}
