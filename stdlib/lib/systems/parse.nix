/**
  The parts that system names are made of, and the reading and writing of
  names: doubles (`x86_64-linux`) and triples (`x86_64-unknown-linux-gnu`).

  Every part is a set with `_type` and `name`, so that patterns can be matched
  against a parsed system with `lib.matchAttrs`.
*/
{ lib }:
let
  inherit (builtins)
    elemAt
    filter
    head
    isString
    length
    mapAttrs
    match
    ;

  typed = type: mapAttrs (name: value: { _type = type; inherit name; } // value);

  # Each family of processors with the width, byte order and further facts of
  # its members.
  cpu =
    family: bits: endian: extra:
    {
      inherit bits family;
      significantByte = significantBytes.${endian};
    }
    // extra;
  little = family: bits: cpu family bits "littleEndian" { };
  big = family: bits: cpu family bits "bigEndian" { };

  significantBytes = typed "significant-byte" {
    bigEndian = { };
    littleEndian = { };
  };

  cpuTypes = typed "cpu-type" (
    let
      arm = version: arch: cpu "arm" 32 "littleEndian" { inherit version arch; };
    in
    {
      arm = cpu "arm" 32 "littleEndian" { };
      armv5tel = arm "5" "armv5t";
      armv6m = arm "6" "armv6-m";
      armv6l = arm "6" "armv6";
      armv7a = arm "7" "armv7-a";
      armv7r = arm "7" "armv7-r";
      armv7m = arm "7" "armv7-m";
      armv7l = arm "7" "armv7";
      armv8a = arm "8" "armv8-a";
      armv8r = arm "8" "armv8-a";
      armv8m = arm "8" "armv8-m";
      aarch64 = cpu "arm" 64 "littleEndian" { version = "8"; arch = "armv8-a"; };
      aarch64_be = cpu "arm" 64 "bigEndian" { version = "8"; arch = "armv8-a"; };
      arm64 = cpu "arm" 64 "littleEndian" { version = "8"; arch = "armv8-a"; };

      i386 = cpu "x86" 32 "littleEndian" { arch = "i386"; };
      i486 = cpu "x86" 32 "littleEndian" { arch = "i486"; };
      i586 = cpu "x86" 32 "littleEndian" { arch = "i586"; };
      i686 = cpu "x86" 32 "littleEndian" { arch = "i686"; };
      x86_64 = cpu "x86" 64 "littleEndian" { arch = "x86-64"; };

      alpha = little "alpha" 64;
      arc = little "arc" 32;
      avr = little "avr" 8;
      javascript = little "javascript" 32;
      loongarch64 = little "loongarch" 64;
      m68k = big "m68k" 32;
      microblaze = big "microblaze" 32;
      microblazeel = little "microblaze" 32;
      mips = big "mips" 32;
      mipsel = little "mips" 32;
      mips64 = big "mips" 64;
      mips64el = little "mips" 64;
      mmix = big "mmix" 64;
      msp430 = little "msp430" 16;
      or1k = big "or1k" 32;
      powerpc = big "power" 32;
      powerpcle = little "power" 32;
      powerpc64 = big "power" 64;
      powerpc64le = little "power" 64;
      riscv32 = little "riscv" 32;
      riscv64 = little "riscv" 64;
      rx = little "rx" 32;
      s390 = big "s390" 32;
      s390x = big "s390" 64;
      sh4 = little "sh" 32;
      sparc = big "sparc" 32;
      sparc64 = big "sparc" 64;
      vc4 = little "vc4" 32;
      wasm32 = little "wasm" 32;
      wasm64 = little "wasm" 64;
    }
  );

  vendors = typed "vendor" {
    apple = { };
    knuth = { };
    none = { };
    pc = { };
    unknown = { };
    # The vendor that MinGW-w64 goes by.
    w64 = { };
  };

  execFormats = typed "exec-format" {
    aout = { };
    elf = { };
    macho = { };
    pe = { };
    wasm = { };
    unknown = { };
  };

  kernelFamilies = typed "kernel-family" {
    bsd = { };
    darwin = { };
  };

  kernels =
    let
      kernel = execFormat: families: {
        execFormat = execFormats.${execFormat};
        families = lib.genAttrs families (f: kernelFamilies.${f});
      };
      named = typed "kernel" {
        cygwin = kernel "pe" [ ];
        darwin = kernel "macho" [ "darwin" ];
        freebsd = kernel "elf" [ "bsd" ];
        genode = kernel "elf" [ ];
        ghcjs = kernel "unknown" [ ];
        ios = kernel "macho" [ "darwin" ];
        linux = kernel "elf" [ ];
        macos = kernel "macho" [ "darwin" ] // { name = "darwin"; };
        mmixware = kernel "unknown" [ ];
        netbsd = kernel "elf" [ "bsd" ];
        none = kernel "unknown" [ ];
        openbsd = kernel "elf" [ "bsd" ];
        redox = kernel "elf" [ ];
        solaris = kernel "elf" [ ];
        uefi = kernel "pe" [ ];
        wasi = kernel "wasm" [ ];
        windows = kernel "pe" [ ];
      };
    in
    named
    // {
      # Other names of the same.
      win32 = named.windows;
      tvos = named.ios;
      watchos = named.ios;
    };

  abis = typed "abi" {
    unknown = { };
    android = { };
    androideabi = { };
    eabi = { float = "soft"; };
    eabihf = { float = "hard"; };
    elf = { };
    gnu = { };
    gnuabi64 = { abi = "64"; };
    gnuabielfv1 = { abi = "elfv1"; };
    gnuabielfv2 = { abi = "elfv2"; };
    gnuabin32 = { abi = "n32"; };
    gnueabi = { float = "soft"; };
    gnueabihf = { float = "hard"; };
    msvc = { };
    musl = { };
    muslabi64 = { abi = "64"; };
    muslabin32 = { abi = "n32"; };
    musleabi = { float = "soft"; };
    musleabihf = { float = "hard"; };
    uclibc = { };
    uclibceabi = { float = "soft"; };
    uclibceabihf = { float = "hard"; };
  };

  # The kernel of names such as `freebsd13` or `darwin20`.
  splitKernel =
    name:
    let
      parts = match "([a-z]+)([0-9.]+)?" name;
    in
    if parts == null || kernels ? ${name} then
      { kernel = name; }
    else
      {
        kernel = head parts;
        version = elemAt parts 1;
      };

  lookup =
    what: table: name:
    table.${name} or (throw "Unknown ${what}: ${name}");

  # The ABI of a system that names none.
  defaultAbi =
    cpu: kernel:
    if kernel.name == "linux" || kernel.name == "windows" then
      if kernel.name == "windows" then
        abis.gnu
      else if cpu.family == "arm" && cpu.bits == 32 then
        (if lib.versionAtLeast (cpu.version or "0") "6" then abis.gnueabihf else abis.gnueabi)
      else if cpu.family == "power" && cpu.bits == 64 then
        (if cpu.significantByte.name == "littleEndian" then abis.gnuabielfv2 else abis.gnuabielfv1)
      else if cpu.family == "mips" && cpu.bits == 64 then
        abis.gnuabi64
      else
        abis.gnu
    else
      abis.unknown;

  mkSystem = parts: { _type = "system"; } // parts;

  fromSkeleton =
    {
      cpu,
      vendor ? null,
      kernel,
      abi ? null,
    }:
    let
      c = lookup "CPU type" cpuTypes cpu;
      split = splitKernel kernel;
      k = lookup "kernel" kernels (if split.kernel == "mingw32" || split.kernel == "mingw" then "windows" else split.kernel);
      v =
        if vendor != null then
          lookup "vendor" vendors vendor
        else if k.families ? darwin then
          vendors.apple
        else if k.name == "windows" || k.name == "cygwin" then
          vendors.pc
        else
          vendors.unknown;
    in
    mkSystem {
      cpu = c;
      vendor = v;
      kernel = k // lib.optionalAttrs ((split.version or null) != null) { inherit (split) version; };
      abi = if abi == null then defaultAbi c k else lookup "ABI" abis abi;
    };

  # Which part is which, by how many there are and what they can be.
  skeletonOf =
    parts:
    let
      n = length parts;
      part = elemAt parts;
      isKernel = name: kernels ? ${(splitKernel name).kernel};
    in
    if n == 1 then
      if part 0 == "avr" || part 0 == "mmix" then
        {
          cpu = part 0;
          kernel = if part 0 == "mmix" then "mmixware" else "none";
          abi = "unknown";
        }
      else
        throw "system '${part 0}' with 1 component is ambiguous"
    else if n == 2 then
      if part 1 == "cygwin" then
        {
          cpu = part 0;
          kernel = "cygwin";
        }
      else if part 1 == "elf" then
        {
          cpu = part 0;
          vendor = "unknown";
          kernel = "none";
          abi = "elf";
        }
      else if part 1 == "ghcjs" then
        {
          cpu = part 0;
          vendor = "unknown";
          kernel = "ghcjs";
        }
      else
        {
          cpu = part 0;
          kernel = part 1;
        }
    else if n == 3 then
      if part 1 == "linux" || (part 2 == "eabi" || part 2 == "eabihf" || part 2 == "elf" || part 2 == "gnu") && isKernel (part 1) then
        {
          cpu = part 0;
          kernel = part 1;
          abi = part 2;
          vendor = if part 1 == "none" then "none" else "unknown";
        }
      else if part 2 == "mingw32" then
        {
          cpu = part 0;
          vendor = part 1;
          kernel = "windows";
          abi = "gnu";
        }
      else if isKernel (part 2) then
        {
          cpu = part 0;
          vendor = part 1;
          kernel = part 2;
        }
      else
        throw "system '${lib.concatStringsSep "-" parts}' is not understood"
    else if n == 4 then
      {
        cpu = part 0;
        vendor = part 1;
        kernel = part 2;
        abi = part 3;
      }
    else
      throw "system '${lib.concatStringsSep "-" parts}' has invalid number of hyphen separated components";
in
rec {
  inherit
    abis
    cpuTypes
    execFormats
    kernelFamilies
    kernels
    mkSystem
    significantBytes
    vendors
    ;

  /**
    Whether a value is a parsed system.

    Type: `isSystem :: Any -> Bool`

    Example: `lib.systems.parse.isSystem (lib.systems.parse.mkSystemFromString "x86_64-linux")` is `true`
  */
  isSystem = x: x._type or null == "system";

  /**
    The parts of a system name that are given, by what they are.

    Type: `mkSkeletonFromList :: [String] -> { cpu, vendor ?, kernel, abi ? }`

    Example: `lib.systems.parse.mkSkeletonFromList [ "x86_64" "linux" ]` is `{ cpu = "x86_64"; kernel = "linux"; }`
  */
  mkSkeletonFromList = skeletonOf;

  /**
    A parsed system from the parts of its name, what is not given filled in.

    Type: `mkSystemFromSkeleton :: { cpu, vendor ?, kernel, abi ? } -> System`
  */
  mkSystemFromSkeleton = fromSkeleton;

  /**
    A parsed system from its name.

    Type: `mkSystemFromString :: String -> System`

    Example: `(lib.systems.parse.mkSystemFromString "i686-linux").cpu.bits` is `32`
  */
  mkSystemFromString = name: fromSkeleton (skeletonOf (filter isString (builtins.split "-" name)));

  /**
    The name of a kernel with its version, if it has one.

    Type: `kernelName :: Kernel -> String`
  */
  kernelName = kernel: kernel.name + toString (kernel.version or "");

  /**
    The double of a parsed system.

    Type: `doubleFromSystem :: System -> String`

    Example: `lib.systems.parse.doubleFromSystem (lib.systems.parse.mkSystemFromString "x86_64-unknown-linux-musl")` is `"x86_64-linux"`
  */
  doubleFromSystem =
    { cpu, kernel, abi, ... }:
    if kernel.name == "cygwin" then
      "${cpu.name}-cygwin"
    else if kernel.families ? darwin then
      "${cpu.name}-darwin"
    else
      "${cpu.name}-${kernelName kernel}";

  /**
    The triple of a parsed system.

    Type: `tripleFromSystem :: System -> String`

    Example: `lib.systems.parse.tripleFromSystem (lib.systems.parse.mkSystemFromString "x86_64-linux")` is `"x86_64-unknown-linux-gnu"`
  */
  tripleFromSystem =
    {
      cpu,
      vendor,
      kernel,
      abi,
      ...
    }:
    let
      kernelPart =
        if kernel.name == "windows" && abi.name == "gnu" then
          "mingw32"
        else if kernel.name == "netbsd" && cpu.family == "arm" && cpu.bits == 32 then
          "netbsdelf"
        else
          kernelName kernel;
      abiPart =
        if abi.name == "unknown" || kernelPart == "mingw32" then "" else "-${abi.name}";
      vendorPart = if kernelPart == "mingw32" then "w64" else vendor.name;
    in
    # ELFv1 and ELFv2 are what "gnu" means there.
    if lib.hasPrefix "gnuabielfv" abi.name then
      "${cpu.name}-${vendorPart}-${kernelPart}-gnu${lib.removePrefix "gnu" abi.name}"
    else
      "${cpu.name}-${vendorPart}-${kernelPart}${abiPart}";

  /**
    The name Apple has for a processor.

    Type: `darwinArch :: Cpu -> String`
  */
  darwinArch = cpu: if cpu.name == "aarch64" then "arm64" else cpu.name;

  /**
    Whether programs for the second processor run on the first.

    Type: `isCompatible :: Cpu -> Cpu -> Bool`

    Example: `lib.systems.parse.isCompatible lib.systems.parse.cpuTypes.x86_64 lib.systems.parse.cpuTypes.i686` is `true`
  */
  isCompatible =
    host: program:
    let
      # What each runs besides its own, directly.
      runs = {
        i486 = [ "i386" ];
        i586 = [ "i486" ];
        i686 = [ "i586" ];
        x86_64 = [ "i686" ];
        armv6l = [ "armv5tel" ];
        armv7a = [ "armv6l" "armv7l" ];
        armv7l = [ "armv6l" "armv7a" ];
        armv8a = [ "armv7l" ];
        aarch64 = [ "armv8a" "arm64" ];
        arm64 = [ "aarch64" ];
        aarch64_be = [ ];
        powerpc64 = [ "powerpc" ];
        powerpc64le = [ "powerpcle" ];
        mips64 = [ "mips" ];
        mips64el = [ "mipsel" ];
        riscv64 = [ "riscv32" ];
        sparc64 = [ "sparc" ];
        s390x = [ "s390" ];
        wasm64 = [ "wasm32" ];
      };
      closure = map (x: x.key) (
        builtins.genericClosure {
          startSet = [ { key = host.name; } ];
          operator = x: map (key: { inherit key; }) (runs.${x.key} or [ ]);
        }
      );
    in
    builtins.elem program.name closure;
}
