/**
  The locale C.UTF-8, the one that knows all of Unicode and no language: programs find it where `LOCPATH` says, which is
  `lib/locale` of this. A sandbox has no other.
*/
{ seed, system }:

derivation {
  name = "locales-${seed.versions.libc-bin}";
  inherit system;
  builder = "${seed.busybox}/bin/busybox";
  args = [ "sh" "-e" ./locales.sh ];
  seed = seed.busybox;
  archive = seed.archives.libc-bin;
  allowedReferences = [ ];
}
