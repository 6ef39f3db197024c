/**
  The compiler as packages call it: finds the toolchain's headers and start files, links against the run-time libraries
  alone, and records where libraries were found. `NIX_CFLAGS_COMPILE`, `NIX_CFLAGS_LINK` and `NIX_LDFLAGS` add flags.
*/
{ seed, toolchain, runtimeLibs, system }:

derivation {
  name = "cc-wrapper-${seed.versions.gcc-12}";
  inherit system toolchain runtimeLibs;
  builder = "${toolchain}/bin/bash";
  args = [ "-e" ./cc-wrapper.sh ];
  compiler = ./cc-wrapper-compiler.sh;
  linker = ./cc-wrapper-linker.sh;
}
