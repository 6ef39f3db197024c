/**
  Platforms: from a system's name to everything that building for it, or
  asking about it, needs.
*/
{ lib }:
let
  inherit (builtins) isString mapAttrs;

  # Attributes of an elaborated system that are functions, so that comparing
  # two systems can leave them out.
  functionNames = [
    "canExecute"
    "emulator"
    "emulatorAvailable"
    "isCompatible"
    "staticEmulatorAvailable"
  ];

  # How the Linux kernel, QEMU, Rust, Go and Debian call a processor.
  linuxArchOf =
    p:
    if p.isAarch32 then
      "arm"
    else if p.isAarch64 then
      "arm64"
    else if p.isx86_32 then
      "i386"
    else if p.isx86_64 then
      "x86_64"
    else if p.isMips then
      "mips"
    else if p.isPower then
      "powerpc"
    else if p.isRiscV then
      "riscv"
    else if p.isS390 then
      "s390"
    else if p.isLoongArch64 then
      "loongarch"
    else if p.isM68k then
      "m68k"
    else if p.isSh4 then
      "sh"
    else
      p.parsed.cpu.name;

  ubootArchOf = p: if p.isx86 then "x86" else linuxArchOf p;

  qemuArchOf =
    p:
    if p.isAarch32 then
      "arm"
    else if p.isS390 && !p.isS390x then
      null
    else if p.isx86_64 then
      "x86_64"
    else if p.isx86 then
      "i386"
    else if p.isMips64n32 then
      "mipsn32${lib.optionalString p.isLittleEndian "el"}"
    else
      {
        powerpc = "ppc";
        powerpc64 = "ppc64";
        powerpc64le = "ppc64le";
      }
      .${p.parsed.cpu.name} or p.parsed.cpu.name;

  goArchOf =
    p:
    {
      aarch64 = "arm64";
      arm = "arm";
      armv5tel = "arm";
      armv6l = "arm";
      armv7l = "arm";
      i686 = "386";
      loongarch64 = "loong64";
      mips = "mips";
      mips64el = "mips64le";
      mipsel = "mipsle";
      powerpc64 = "ppc64";
      powerpc64le = "ppc64le";
      riscv64 = "riscv64";
      s390x = "s390x";
      wasm32 = "wasm";
      x86_64 = "amd64";
    }
    .${p.parsed.cpu.name} or null;

  rustTargetOf =
    p:
    let
      cpu =
        {
          armv5tel = "armv5te";
          armv6l = "arm";
          armv7a = "armv7";
          armv7l = "armv7";
          riscv64 = "riscv64gc";
        }
        .${p.parsed.cpu.name} or p.parsed.cpu.name;
      vendor = if p.parsed.vendor.name == "w64" then "pc" else p.parsed.vendor.name;
      abi = lib.optionalString (p.parsed.abi.name != "unknown") "-${p.parsed.abi.name}";
    in
    "${cpu}-${vendor}-${p.parsed.kernel.name}${abi}";

  libcOf =
    p:
    if p.isDarwin then
      "libSystem"
    else if p.isMusl then
      "musl"
    else if p.isUClibc then
      "uclibc"
    else if p.isAndroid then
      "bionic"
    else if p.isGnu && p.isLinux then
      "glibc"
    else if p.isFreeBSD then
      "fblibc"
    else if p.isNetBSD then
      "nblibc"
    else if p.isOpenBSD then
      "oblibc"
    else if p.isMinGW then
      "msvcrt"
    else if p.isCygwin then
      "cygwin"
    else if p.isWasi then
      "wasilibc"
    else if p.isAvr then
      "avrlibc"
    else if p.isRedox then
      "relibc"
    else if p.isNone then
      "newlib"
    else
      "glibc";

  extensionsOf =
    p:
    let
      shared =
        if p.isDarwin then
          ".dylib"
        else if p.isWindows || p.isCygwin then
          ".dll"
        else
          ".so";
      static = if p.isWindows && !p.isMinGW then ".lib" else ".a";
    in
    {
      sharedLibrary = shared;
      staticLibrary = static;
      library = if p.isStatic then static else shared;
      executable =
        if p.isWindows || p.isCygwin then
          ".exe"
        else if p.isWasi then
          ".wasm"
        else
          "";
    };

  kernelTargetOf =
    p:
    if p.isx86 then
      "bzImage"
    else if p.isAarch64 then
      "Image"
    else if p.isAarch32 then
      "zImage"
    else if p.isRiscV then
      "Image"
    else
      "vmlinux";
in
rec {
  inherit functionNames;

  parse = import ./parse.nix { inherit lib; };
  inspect = import ./inspect.nix { inherit lib; };
  doubles = import ./doubles.nix { inherit lib; };
  examples = import ./examples.nix { inherit lib; };

  /**
    The systems that flakes usually have outputs for.

    Type: `flakeExposed :: [String]`
  */
  flakeExposed = [
    "x86_64-linux"
    "aarch64-linux"
    "x86_64-darwin"
    "armv6l-linux"
    "armv7l-linux"
    "i686-linux"
    "aarch64-darwin"
    "powerpc64le-linux"
    "riscv64-linux"
    "x86_64-freebsd"
  ];

  /**
    A set from what `elaborate` takes: a name becomes `{ system }`.

    Type: `systemToAttrs :: (String | AttrSet) -> AttrSet`

    Example: `lib.systems.systemToAttrs "x86_64-linux"` is `{ system = "x86_64-linux"; }`
  */
  systemToAttrs = system: if isString system then { inherit system; } else system;

  /**
    Whether two elaborated systems are equal in all that is no function.

    Type: `equals :: Platform -> Platform -> Bool`

    Example: `lib.systems.equals (lib.systems.elaborate "x86_64-linux") (lib.systems.elaborate "x86_64-linux")` is `true`
  */
  equals = a: b: a._withoutFunctions == b._withoutFunctions;

  /**
    Everything about a platform, from its name (double or triple) or from a
    set that has `system`, `config` or `parsed` and may change anything else.

    Type: `elaborate :: (String | AttrSet) -> Platform`

    Example: `(lib.systems.elaborate "x86_64-linux").config` is `"x86_64-unknown-linux-gnu"`
  */
  elaborate =
    systemOrArgs:
    let
      given = systemToAttrs systemOrArgs;
      # What a former elaboration computed is computed anew.
      args = removeAttrs given [ "_withoutFunctions" ];

      parsed =
        if args ? config then
          parse.mkSystemFromString args.config
        else if args ? system then
          parse.mkSystemFromString args.system
        else
          args.parsed;

      predicates = mapAttrs (_: pred: pred parsed) inspect.predicates;

      final =
        {
          inherit parsed;
          system = parse.doubleFromSystem parsed;
          config = parse.tripleFromSystem parsed;

          libc = libcOf final;
          isStatic = final.isWasi;
          hasSharedLibraries = !final.isStatic && !final.isWasm && !final.isNone;
          extensions = extensionsOf final;
          useLLVM = final.isFreeBSD || final.isOpenBSD;
          useAndroidPrebuilt = false;
          useiOSPrebuilt = false;
          linker =
            if final.useLLVM then
              "lld"
            else if final.isDarwin then
              "cctools"
            else
              "bfd";

          linuxArch = linuxArchOf final;
          ubootArch = ubootArchOf final;
          qemuArch = qemuArchOf final;
          efiArch =
            {
              aarch64 = "aa64";
              armv7l = "arm";
              i686 = "ia32";
              x86_64 = "x64";
            }
            .${parsed.cpu.name} or parsed.cpu.name;
          darwinArch = parse.darwinArch parsed.cpu;
          darwinPlatform = if final.isMacOS then "macos" else null;
          darwinMinVersion = "14.0";
          darwinSdkVersion = "14.4";
          uname = {
            system =
              {
                darwin = "Darwin";
                freebsd = "FreeBSD";
                linux = "Linux";
                netbsd = "NetBSD";
                openbsd = "OpenBSD";
                solaris = "SunOS";
                windows = "Windows";
              }
              .${parsed.kernel.name} or null;
            processor = if final.isAarch64 && final.isDarwin then "arm64" else parsed.cpu.name;
            release = null;
          };
          go = {
            GOARCH = goArchOf final;
            GOOS = if final.isWasi then "wasip1" else parsed.kernel.name;
            GOARM = if final.isAarch32 then parsed.cpu.version or "" else "";
          };
          rust = {
            rustcTarget = rustTargetOf final;
            rustcTargetSpec = rustTargetOf final;
            cargoShortTarget = rustTargetOf final;
            cargoEnvVarTarget = lib.toUpper (lib.replaceString "-" "_" (rustTargetOf final));
            platform = {
              arch = if final.isAarch64 then "aarch64" else parsed.cpu.name;
              os = if final.isDarwin then "macos" else parsed.kernel.name;
              target-family = if final.isUnix then [ "unix" ] else [ ];
            };
          };
          linux-kernel = {
            name = parsed.cpu.name;
            target = kernelTargetOf final;
            autoModules = true;
            preferBuiltin = false;
          };
          gcc = { };

          isCompatible = other: parse.isCompatible parsed.cpu other.parsed.cpu;
          canExecute =
            other:
            final.isAndroid == other.isAndroid
            && parse.isCompatible parsed.cpu other.parsed.cpu
            && parsed.kernel.name == other.parsed.kernel.name;
          emulatorAvailable = pkgs: final.isLinux && (final.qemuArch or null) != null;
          staticEmulatorAvailable = final.emulatorAvailable;
          emulator =
            pkgs:
            if pkgs.stdenv.hostPlatform.canExecute final then
              "${pkgs.runtimeShell} -c '\"$@\"' --"
            else
              throw "Don't know how to run ${final.config} executables.";
        }
        // predicates
        // args
        // {
          # These follow from each other, whichever was given.
          inherit parsed;
          system = parse.doubleFromSystem parsed;
          config = args.config or (parse.tripleFromSystem parsed);
        };

      complete = final // {
        _withoutFunctions = removeAttrs final functionNames;
      };
    in
    complete;
}
