/**
  The systems that packages can name in `meta.platforms`, as doubles, all and
  by what they have in common.
*/
{ lib }:
let
  inherit (lib.systems) parse;
  inherit (lib.systems.inspect) predicates;

  byKernel = {
    cygwin = "i686 x86_64";
    darwin = "x86_64 aarch64";
    freebsd = "i686 x86_64 aarch64";
    genode = "aarch64 i686 x86_64";
    solaris = "x86_64";
    ghcjs = "javascript";
    linux = "aarch64 arc armv5tel armv6l armv7a armv7l i686 loongarch64 m68k sh4 microblaze microblazeel mips mips64 mips64el mipsel powerpc powerpc64 powerpc64le riscv32 riscv64 s390 s390x x86_64";
    mmixware = "mmix";
    netbsd = "aarch64 armv6l armv7a armv7l i686 m68k mipsel powerpc riscv32 riscv64 x86_64";
    none = "aarch64_be aarch64 arm armv6l avr i686 microblaze microblazeel mips mips64 msp430 or1k m68k powerpc powerpcle riscv32 riscv64 rx s390 s390x vc4 x86_64";
    openbsd = "i686 x86_64";
    redox = "x86_64";
    wasi = "wasm64 wasm32";
    windows = "aarch64 x86_64 i686";
    uefi = "aarch64 x86_64";
  };

  order = [
    "cygwin"
    "darwin"
    "freebsd"
    "genode"
    "solaris"
    "ghcjs"
    "linux"
    "mmixware"
    "netbsd"
    "none"
    "openbsd"
    "redox"
    "wasi"
    "windows"
    "uefi"
  ];

  all = lib.concatMap (
    kernel: map (cpu: "${cpu}-${kernel}") (lib.splitString " " byKernel.${kernel})
  ) order;

  parsed = map parse.mkSystemFromString all;

  having = pred: map parse.doubleFromSystem (builtins.filter pred parsed);
in
{
  inherit all;
  none = [ ];

  arm = having predicates.isAarch32;
  armv7 = having predicates.isArmv7;
  aarch = having predicates.isAarch;
  aarch64 = having predicates.isAarch64;
  arc = having predicates.isArc;
  i686 = having predicates.isi686;
  loongarch64 = having predicates.isLoongArch64;
  m68k = having predicates.isM68k;
  microblaze = having predicates.isMicroBlaze;
  mips = having predicates.isMips;
  mmix = having predicates.isMmix;
  or1k = having predicates.isOr1k;
  power = having predicates.isPower;
  riscv = having predicates.isRiscV;
  riscv32 = having predicates.isRiscV32;
  riscv64 = having predicates.isRiscV64;
  rx = having predicates.isRx;
  s390 = having predicates.isS390;
  s390x = having predicates.isS390x;
  sh4 = having predicates.isSh4;
  vc4 = having predicates.isVc4;
  x86 = having predicates.isx86;
  x86_64 = having predicates.isx86_64;
  js = having predicates.isJavaScript;

  bigEndian = having predicates.isBigEndian;
  littleEndian = having predicates.isLittleEndian;

  cygwin = having predicates.isCygwin;
  darwin = having predicates.isDarwin;
  freebsd = having predicates.isFreeBSD;
  genode = having predicates.isGenode;
  # What is usually meant by it: systems with the GNU userland.
  gnu = having predicates.isLinux;
  illumos = having predicates.isSunOS;
  linux = having predicates.isLinux;
  netbsd = having predicates.isNetBSD;
  openbsd = having predicates.isOpenBSD;
  redox = having predicates.isRedox;
  unix = having predicates.isUnix;
  uefi = having predicates.isUefi;
  wasi = having predicates.isWasi;
  windows = having predicates.isWindows;
  embedded = having predicates.isNone;
}
