/**
  Questions about parsed systems: patterns, and the predicates made of them.
*/
{ lib }:
let
  inherit (lib.systems.parse)
    abis
    cpuTypes
    execFormats
    kernelFamilies
    kernels
    significantBytes
    ;
  inherit (builtins) mapAttrs;

  family = name: { cpu.family = name; };
  exactly = name: { cpu = cpuTypes.${name}; };
  onKernel = name: { kernel = kernels.${name}; };
  anyAbi = names: map (name: { abi = abis.${name}; }) names;
in
rec {
  /**
    Patterns of systems: sets that a parsed system must contain, or lists of
    sets of which it must contain one.

    Type: `patterns :: { ${name} :: AttrSet | [AttrSet] }`
  */
  patterns = {
    isi686 = exactly "i686";
    isx86_32 = { cpu = { family = "x86"; bits = 32; }; };
    isx86_64 = { cpu = { family = "x86"; bits = 64; }; };
    isx86 = family "x86";
    isPower = family "power";
    isPower64 = { cpu = { family = "power"; bits = 64; }; };
    isAbiElfv1 = anyAbi [ "gnuabielfv1" ];
    isAbiElfv2 = anyAbi [ "gnuabielfv2" ];
    isAarch = family "arm";
    isAarch32 = { cpu = { family = "arm"; bits = 32; }; };
    isAarch64 = { cpu = { family = "arm"; bits = 64; }; };
    isArmv7 = map (arch: { cpu = { inherit arch; }; }) [
      "armv7-a"
      "armv7-r"
      "armv7-m"
      "armv7"
    ];
    isAlpha = family "alpha";
    isArc = family "arc";
    isAvr = family "avr";
    isJavaScript = exactly "javascript";
    isLoongArch64 = { cpu = { family = "loongarch"; bits = 64; }; };
    isM68k = family "m68k";
    isMicroBlaze = family "microblaze";
    isMips = family "mips";
    isMips32 = { cpu = { family = "mips"; bits = 32; }; };
    isMips64 = { cpu = { family = "mips"; bits = 64; }; };
    isMips64n32 = { cpu = { family = "mips"; bits = 64; }; abi = { abi = "n32"; }; };
    isMips64n64 = { cpu = { family = "mips"; bits = 64; }; abi = { abi = "64"; }; };
    isMmix = family "mmix";
    isMsp430 = family "msp430";
    isOr1k = family "or1k";
    isRiscV = family "riscv";
    isRiscV32 = { cpu = { family = "riscv"; bits = 32; }; };
    isRiscV64 = { cpu = { family = "riscv"; bits = 64; }; };
    isRx = family "rx";
    isS390 = family "s390";
    isS390x = { cpu = { family = "s390"; bits = 64; }; };
    isSh4 = { cpu = { family = "sh"; bits = 32; }; };
    isSparc = family "sparc";
    isSparc64 = { cpu = { family = "sparc"; bits = 64; }; };
    isVc4 = family "vc4";
    isWasm = family "wasm";

    is32bit = { cpu = { bits = 32; }; };
    is64bit = { cpu = { bits = 64; }; };
    isILP32 = [ { cpu = { family = "mips"; bits = 64; }; abi = { abi = "n32"; }; } ];
    isBigEndian = { cpu = { significantByte = significantBytes.bigEndian; }; };
    isLittleEndian = { cpu = { significantByte = significantBytes.littleEndian; }; };

    isBSD = { kernel = { families = { inherit (kernelFamilies) bsd; }; }; };
    isDarwin = { kernel = { families = { inherit (kernelFamilies) darwin; }; }; };
    isUnix = [
      { kernel = { families = { inherit (kernelFamilies) bsd; }; }; }
      { kernel = { families = { inherit (kernelFamilies) darwin; }; }; }
      (onKernel "linux")
      (onKernel "solaris")
      (onKernel "cygwin")
      (onKernel "redox")
    ];
    isMacOS = onKernel "macos";
    isiOS = onKernel "ios";
    isLinux = onKernel "linux";
    isSunOS = onKernel "solaris";
    isFreeBSD = { kernel = { name = "freebsd"; }; };
    isNetBSD = { kernel = { name = "netbsd"; }; };
    isOpenBSD = { kernel = { name = "openbsd"; }; };
    isWindows = onKernel "windows";
    isCygwin = onKernel "cygwin";
    isMinGW = { kernel = kernels.windows; abi = abis.gnu; };
    isMsvc = { kernel = kernels.windows; abi = abis.msvc; };
    isWasi = onKernel "wasi";
    isRedox = onKernel "redox";
    isGhcjs = onKernel "ghcjs";
    isGenode = onKernel "genode";
    isUefi = onKernel "uefi";
    isNone = onKernel "none";

    isAndroid = anyAbi [ "android" "androideabi" ];
    isGnu = anyAbi [
      "gnuabi64"
      "gnuabin32"
      "gnu"
      "gnueabi"
      "gnueabihf"
      "gnuabielfv1"
      "gnuabielfv2"
    ];
    isMusl = anyAbi [
      "musl"
      "musleabi"
      "musleabihf"
      "muslabin32"
      "muslabi64"
    ];
    isUClibc = anyAbi [
      "uclibc"
      "uclibceabi"
      "uclibceabihf"
    ];
    isEabi = anyAbi [ "eabi" "eabihf" ];

    isEfi = [
      { cpu = { family = "arm"; version = "6"; }; }
      { cpu = { family = "arm"; version = "7"; }; }
      { cpu = { family = "arm"; version = "8"; }; }
      (family "riscv")
      (family "x86")
      (family "loongarch")
    ];
    isElf = { kernel = { execFormat = execFormats.elf; }; };
    isMacho = { kernel = { execFormat = execFormats.macho; }; };
    isPE = { kernel = { execFormat = execFormats.pe; }; };
  };

  /**
    A predicate that holds where one of several patterns matches.

    Type: `matchAnyAttrs :: (AttrSet | [AttrSet]) -> AttrSet -> Bool`

    Example: `lib.systems.inspect.matchAnyAttrs [ { a = 1; } { a = 2; } ] { a = 2; }` is `true`
  */
  matchAnyAttrs = patterns: if builtins.isList patterns then attrs: lib.any (p: lib.matchAttrs p attrs) patterns else lib.matchAttrs patterns;

  /**
    Patterns that match where both of two do.

    Type: `patternLogicalAnd :: (AttrSet | [AttrSet]) -> (AttrSet | [AttrSet]) -> [AttrSet]`
  */
  patternLogicalAnd =
    a: b:
    lib.concatMap (
      x:
      map (
        y:
        lib.recursiveUpdateUntil (
          path: l: r:
          if builtins.isAttrs l && builtins.isAttrs r then
            false
          else
            l == r || throw "pattern conflict at path ${toString path}: ${builtins.toJSON l} and ${builtins.toJSON r}"
        ) x y
      ) (lib.toList b)
    ) (lib.toList a);

  /**
    The patterns as predicates of parsed systems.

    Type: `predicates :: { ${name} :: System -> Bool }`

    Example: `lib.systems.inspect.predicates.isLinux (lib.systems.parse.mkSystemFromString "i686-linux")` is `true`
  */
  predicates = mapAttrs (_: matchAnyAttrs) patterns;

  /**
    Patterns of platforms, for what a parsed system does not tell.

    Type: `platformPatterns :: { ${name} :: [AttrSet] }`
  */
  platformPatterns = mapAttrs (_: p: { parsed = { }; } // p) {
    isStatic = { isStatic = true; };
  };
}
