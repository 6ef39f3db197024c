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
  inherit (builtins) attrNames filter foldl' functionArgs intersectAttrs isFunction listToAttrs pathExists readDir;

  fix = f: let final = f final; in final;
  extend = layer: overlay: final: let prev = layer final; in prev // overlay final prev;

  # The tree of one package: a function of other packages, with the pieces that let users change it afterwards.
  callPackageWith = scope: file: overrides:
    let
      function = if isFunction file then file else import file;
      arguments = intersectAttrs (functionArgs function) scope // overrides;
      make = arguments:
        let result = function arguments; in
        if builtins.isAttrs result then result // {
          override = change: make (arguments // (if isFunction change then change arguments else change));
        } else result;
    in
    make arguments;

  folders = root: filter (name: pathExists (root + "/${name}/default.nix")) (attrNames (readDir root));

  base = final: {
    inherit system config;
    pkgs = final;
    callPackage = callPackageWith final;
    bootstrap = import ./bootstrap { inherit system; };
    fetchurl = import ./build-support/fetchurl.nix;

    # What packages are built with: the relocated seed.
    stdenv = import ./build-support/stdenv {
      inherit system;
      shell = "${final.bootstrap.toolchain}/bin/bash";
      tools = [ final.bootstrap.toolchain ];
      cc = final.bootstrap.cc;
    };
    # The same without a compiler, for texts, links and scripts.
    stdenvNoCC = import ./build-support/stdenv {
      inherit system;
      inherit (final.stdenv) shell;
      name = "stdenv-no-cc";
      tools = [ final.bootstrap.toolchain ];
      cc = null;
    };
    mkShell = final.callPackage ./build-support/mk-shell.nix { };
    mkShellNoCC = final.callPackage ./build-support/mk-shell.nix { stdenv = final.stdenvNoCC; };
  }
  // import ./build-support/trivial.nix { inherit (final) stdenvNoCC bash; };

  packages = final: prev: listToAttrs (map (name: { inherit name; value = final.callPackage (./pkgs + "/${name}") { }; }) (folders ./pkgs));
in
fix (foldl' extend base ([ packages ] ++ overlays ++ config.overlays or [ ]))
