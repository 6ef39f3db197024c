/**
  The C and C++ run-time libraries alone, some 15 MB: what a program built here keeps at run time. Without this split every
  closure would hold the whole toolchain.
*/
{ seed, toolchain, system }:

derivation {
  name = "runtime-libs-${seed.versions.libc6}";
  inherit system toolchain;
  builder = "${seed.busybox}/bin/busybox";
  args = [ "sh" "-e" ./runtime-libs.sh ];
  seed = seed.busybox;
  archives = with seed.archives; [ libc6 libcrypt1 libgcc-s1 seed.archives."libstdc++6" libatomic1 libgomp1 libquadmath0 ];
  allowedReferences = [ "out" ];
}
