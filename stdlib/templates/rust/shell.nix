# What working on the program needs, besides what building it does.
{
  pkgs ? import <firn> { },
}:
pkgs.mkShell {
  inputsFrom = [ (import ./. { inherit pkgs; }) ];
}
