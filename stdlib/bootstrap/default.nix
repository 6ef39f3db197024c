/**
  From pinned archives to a compiler, in four steps: a static busybox (`seed`), the relocated toolchain, the run-time
  libraries that programs keep, and the wrapper that binds the two.
*/
{ system ? "x86_64-linux" }:

rec {
  seed = import ./seed.nix;
  toolchain = import ./toolchain.nix { inherit seed system; };
  runtimeLibs = import ./runtime-libs.nix { inherit seed toolchain system; };
  locales = import ./locales.nix { inherit seed system; };
  cc = import ./cc-wrapper.nix { inherit seed toolchain runtimeLibs system; };
}
