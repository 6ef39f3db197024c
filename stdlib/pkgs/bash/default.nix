{ stdenv, fetchurl, ncurses, readline }:

stdenv.mkDerivation {
  pname = "bash";
  version = "5.2.15";
  src = fetchurl {
    url = "mirror://debian/pool/main/b/bash/bash_5.2.15.orig.tar.gz";
    sha256 = "7a315bc0e9d90713159e4390ec1096a41e4f33cd8cc3d1a749a8e5ad56600f51";
  };
  buildInputs = [ ncurses readline ];
  configureFlags = [ "--with-installed-readline" "--without-bash-malloc" "--with-curses" ];
  postInstall = "ln -s bash $out/bin/sh";
  doInstallCheck = true;
  installCheckPhase = ''[ "$($out/bin/bash -c "echo \$((6 * 7))")" = 42 ]'';
  meta = {
    description = "The shell of the GNU project";
    homepage = "https://www.gnu.org/software/bash/";
    license = "GPL-3.0-or-later";
    mainProgram = "bash";
  };
}
