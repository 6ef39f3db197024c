/**
  A standard environment: a shell, tools that every build may rely on, and the phases of `setup.sh`.

  # Type
  `{ name, system, shell, tools, cc, runtimeLibs } -> stdenv`
*/
{
  name ? "stdenv",
  system,
  # The bash that runs the phases.
  shell,
  # Derivations whose `bin` is on every build's PATH.
  tools,
  # The compiler, or null for an environment without one.
  cc,
}:

let
  stdenv = derivation {
    inherit name system;
    builder = shell;
    args = [ "-e" ./make-stdenv.sh ];
    setup = ./setup.sh;
    inherit tools shell;
    compiler = if cc == null then "" else cc;
  };

  self = stdenv // {
    inherit system shell cc;
    mkDerivation = import ./make-derivation.nix { inherit stdenv shell system; };
    hostPlatform = platform;
    buildPlatform = platform;
    targetPlatform = platform;
    isLinux = true;
    isDarwin = false;
    is64bit = true;
    overrideTools = tools: import ./default.nix { inherit name system shell tools cc; };
  };

  platform = {
    inherit system;
    config = "x86_64-unknown-linux-gnu";
    isLinux = true;
    isDarwin = false;
    isx86_64 = true;
    isx86 = true;
    isAarch64 = false;
    is64bit = true;
    isStatic = false;
    isMusl = false;
    libc = "glibc";
    parsed = { cpu = { name = "x86_64"; bits = 64; }; kernel.name = "linux"; };
  };
in
self
