/**
  A standard environment: a shell, tools that every build may rely on, and the phases of `setup.sh`.

  # Type
  `{ name, system, shell, tools, cc, locales } -> stdenv`
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
  # Where `lib/locale` has the locale that knows all of Unicode.
  locales,
}:

let
  stdenv = derivation {
    inherit name system;
    builder = shell;
    args = [ "-e" ./make-stdenv.sh ];
    setup = ./setup.sh;
    inherit tools shell locales;
    compiler = if cc == null then "" else cc;
  };

  self = stdenv // {
    inherit system shell cc;
    mkDerivation = import ./make-derivation.nix { inherit stdenv shell system; };
    hostPlatform = platform;
    buildPlatform = platform;
    targetPlatform = platform;
    inherit (platform) isLinux isDarwin isx86_64 isAarch64 is64bit is32bit isStatic;
    overrideTools = tools: import ./default.nix { inherit name system shell tools cc locales; };
  };

  platform = (import ../../lib).systems.elaborate system;
in
self
