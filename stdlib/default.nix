/**
  The package set. `import` it with nothing but `{ }`, or with a system, overlays and a configuration:

      import <firn> { overlays = [ (final: prev: { hello = prev.hello.overrideAttrs { doCheck = true; }; }) ]; }

  Each folder of `pkgs/` is one package; its arguments are names of this set. An overlay changes names for everything that
  uses them, so a patch rebuilds what depends on it and nothing else.
*/
{
  system ? builtins.currentSystem or "x86_64-linux",
  overlays ? [ ],
  config ? { },
}:

let
  inherit (builtins) attrNames elem filter listToAttrs pathExists readDir;

  lib = import ./lib;
  inherit (lib) callPackageWith callPackagesWith extends fix;

  folders = root: filter (name: pathExists (root + "/${name}/default.nix")) (attrNames (readDir root));

  base = final: {
    inherit system config lib;
    _type = "pkgs";
    pkgs = final;
    path = ./.;
    callPackage = callPackageWith final;
    callPackages = callPackagesWith final;
    # A set of packages of one's own that sees all of these.
    newScope = more: callPackageWith (final // more);

    # This set with further overlays.
    appendOverlays = more: import ./. { inherit system config; overlays = overlays ++ more; };
    extend = overlay: final.appendOverlays [ overlay ];

    # A system from modules, with these packages: `(nixos ./configuration.nix).config.system.build.toplevel`.
    nixos = modules: import ./modules/eval.nix { inherit lib; pkgs = final; modules = lib.toList modules; };
    # A test of machines on a network: `firn system test` runs what this gives.
    nixosTest = test: import ./modules/testing { pkgs = final; inherit test; };
    bootstrap = import ./bootstrap { inherit system; };
    fetchurl = import ./build-support/fetchurl.nix;
    inherit (final.callPackage ./build-support/fetchers.nix { }) fetchzip fetchgit fetchpatch fetchFromGitHub;
    inherit (final.callPackage ./build-support/images.nix { }) closureInfo makeTarball buildImage;
    inherit (final.callPackage ./build-support/rust { }) rust fetchCrate importCargoLock buildRustPackage;
    python3 = final.python3_11 // { inherit (final.python3Packages) withPackages; pkgs = final.python3Packages; };
    python311 = final.python3;
    postgresql = final.postgresql_15;
    python3Packages = final.callPackage ./build-support/python { python = final.python3_11; };
    fromDeb = final.callPackage ./build-support/from-deb.nix { };
    # What comes as binary archives, also where a recipe of that name goes before it: tools of a build that are not worth
    # compiling for it.
    prebuilt = binaries final { };

    # What packages are built with: a compiler from the seed, and tools that were themselves built from source. Changes to
    # those tools do not reach it, so an overlay never rebuilds everything.
    stdenv = import ./build-support/stdenv {
      inherit system;
      inherit (final.bootstrap) cc locales;
      shell = "${pristine.bash}/bin/bash";
      tools = map (name: pristine.${name}) userland;
    };
    # The same without a compiler, for texts, links and scripts.
    stdenvNoCC = import ./build-support/stdenv {
      inherit system;
      inherit (final.stdenv) shell;
      inherit (final.bootstrap) locales;
      name = "stdenv-no-cc";
      tools = map (name: pristine.${name}) userland;
      cc = null;
    };
    # What those tools are built with: the relocated seed.
    seedStdenv = import ./build-support/stdenv {
      inherit system;
      inherit (final.bootstrap) cc locales;
      name = "stdenv-seed";
      shell = "${final.bootstrap.toolchain}/bin/bash";
      tools = [ final.bootstrap.toolchain ];
    };
    # The same with the shell from source, for the tools that come after it: scripts among them start with that one.
    shellStdenv = import ./build-support/stdenv {
      inherit system;
      inherit (final.bootstrap) cc locales;
      name = "stdenv-shell";
      shell = "${pristine.bash}/bin/bash";
      tools = [ pristine.bash final.bootstrap.toolchain ];
    };
    # The shell that scripts of the system run in.
    runtimeShell = "${final.bash}/bin/bash";
    mkShell = final.callPackage ./build-support/mk-shell.nix { };
    mkShellNoCC = final.callPackage ./build-support/mk-shell.nix { stdenv = final.stdenvNoCC; };
  }
  // import ./build-support/trivial.nix { inherit (final) stdenvNoCC bash; };

  # Programs that come as pinned binary archives; a recipe of the same name in `pkgs` comes before them.
  binaries = final: prev: import ./pkgs/binaries.nix { inherit lib; inherit (final) fromDeb systemd; };

  # The tools that every build may rely on, and the libraries that they are made of.
  userland = [
    "bash" "bzip2" "coreutils" "diffutils" "file" "findutils" "gawk" "gnugrep" "gnumake" "gnused" "gnutar" "gzip" "patch"
    "patchelf" "xz"
  ];
  foundation = userland ++ [ "pcre2" "zlib" ];
  shell = [ "bash" "ncurses" "readline" ];

  package = final: name: final.callPackage (./pkgs + "/${name}") (
    if elem name shell then { stdenv = final.seedStdenv; }
    else if elem name foundation then { stdenv = final.shellStdenv; }
    else { }
  );
  packages = final: prev: listToAttrs (map (name: { inherit name; value = package final name; }) (folders ./pkgs));

  set = overlays: fix (lib.foldl (layer: overlay: extends overlay layer) base ([ binaries packages ] ++ overlays));
  pristine = set [ ];
  wanted = overlays ++ config.overlays or [ ];
in
if wanted == [ ] then pristine else set wanted
