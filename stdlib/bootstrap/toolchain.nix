/**
  The seed toolchain: the pinned archives relocated into one store path. It is used to build, never to run what was built:
  `runtime-libs.nix` has the part that programs keep.
*/
{ seed, system }:

derivation {
  name = "seed-toolchain";
  inherit system;
  builder = "${seed.busybox}/bin/busybox";
  args = [ "sh" "-e" ./toolchain.sh ];
  seed = seed.busybox;
  archives = builtins.attrValues (removeAttrs seed.archives [ "busybox-static" "libc-bin" ]);
}
