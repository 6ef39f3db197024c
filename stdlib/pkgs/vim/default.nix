{ stdenv, fetchurl, ncurses }:

stdenv.mkDerivation {
  pname = "vim";
  version = "9.0.1378";
  src = fetchurl {
    url = "mirror://debian/pool/main/v/vim/vim_9.0.1378.orig.tar.xz";
    sha256 = "6f20c108c0fe5dbcb00a00080b3607feb024a499de2c4d004de9c3bd74516523";
  };
  buildInputs = [ ncurses ];
  configureFlags = [
    "--enable-multibyte"
    "--enable-gui=no"
    "--without-x"
    "--with-tlib=ncursesw"
    "--with-compiledby=firn"
    "--disable-netbeans"
    "--disable-gpm"
    "--disable-acl"
  ];
  postInstall = "ln -s vim $out/bin/vi";
  doInstallCheck = true;
  installCheckPhase = ''echo one > text && TERM=dumb $out/bin/vim -es -u NONE -c 's/one/two/' -c wq text && [ "$(cat text)" = two ]'';
  meta = {
    description = "A text editor";
    homepage = "https://www.vim.org/";
    license = "Vim";
    mainProgram = "vim";
  };
}
