# A C program: `firn build -f .` builds it, `firn develop -f .` opens a shell in which `make` does.
{
  pkgs ? import <firn> { },
}:
pkgs.stdenv.mkDerivation {
  pname = "greet";
  version = "0.1";
  src = pkgs.lib.fileset.toSource {
    root = ./.;
    fileset = pkgs.lib.fileset.unions [
      ./Makefile
      ./greet.c
    ];
  };
  makeFlags = [ "PREFIX=${builtins.placeholder "out"}" ];
  meta.mainProgram = "greet";
}
