{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "ncurses";
  version = "6.4";
  src = fetchurl {
    url = "mirror://debian/pool/main/n/ncurses/ncurses_6.4.orig.tar.gz";
    sha256 = "6931283d9ac87c5073f30b6290c4c75f21632bb4fc3603ac8100812bed248159";
  };
  configureFlags = [
    "--with-shared" "--without-debug" "--without-ada" "--without-tests" "--enable-widec" "--enable-pc-files" "--with-cxx-binding=no"
    "--enable-overwrite" "--with-pkg-config-libdir=${builtins.placeholder "out"}/lib/pkgconfig"
    "--with-terminfo-dirs=${builtins.placeholder "out"}/share/terminfo:/usr/share/terminfo:/lib/terminfo"
  ];
  # Programs ask for the library under its narrow name too.
  postInstall = ''
    for library in ncurses form menu panel; do
      ln -s lib''${library}w.so $out/lib/lib$library.so
      ln -s ''${library}w.pc $out/lib/pkgconfig/$library.pc
    done
    ln -s libncursesw.so $out/lib/libcurses.so
    ln -s libncursesw.so $out/lib/libtinfo.so
  '';
  doInstallCheck = true;
  installCheckPhase = ''[ "$(TERM=xterm-256color $out/bin/tput colors)" = 256 ]'';
  meta = {
    description = "Terminal-independent screens";
    homepage = "https://www.gnu.org/software/ncurses/";
    license = "MIT";
  };
}
