{ stdenv, fetchurl, ncurses }:

stdenv.mkDerivation {
  pname = "readline";
  version = "8.2";
  src = fetchurl {
    url = "mirror://debian/pool/main/r/readline/readline_8.2.orig.tar.gz";
    sha256 = "3feb7171f16a84ee82ca18a36d7b9be109a52c04f492a053331d7d1095007c35";
  };
  # A locale that is not there has no name, which is copied all the same: with it in LANG the first line that is read ends the
  # program, and nobody can log in.
  postPatch = ''
    sed -i 's/^  ret = setlocale (LC_CTYPE, lspec);.*/&\n  if (ret == 0)\n    ret = "C";/' nls.c
    grep -q 'ret = "C";' nls.c
  '';
  propagatedBuildInputs = [ ncurses ];
  makeFlags = [ "SHLIB_LIBS=-lncursesw" ];
  doInstallCheck = true;
  installCheckPhase = ''
    printf '#include <stdio.h>\n#include <readline/readline.h>\nint main(void) { char *line = readline(""); return line == 0 || line[0] != 65; }\n' > try.c
    cc -I$out/include try.c -L$out/lib -lreadline -lncursesw -o try
    echo A | env -u LC_ALL LANG=xx_YY.UTF-8 ./try
  '';
  meta = {
    description = "Line editing with history";
    homepage = "https://www.gnu.org/software/readline/";
    license = "GPL-3.0-or-later";
  };
}
