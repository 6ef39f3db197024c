/**
  The description of a test, for `firn system test`, with the program that is
  running as what its machines switch themselves with; `null` for what is no
  test, but a configuration.
*/
{ test, program }:
let
  pkgs = import ../.. { };
  inherit (pkgs) lib;
  make = pkgs.callPackage ../../build-support/own-program.nix { };

  # What tests are given; a module may ask for more.
  given = [
    "firn"
    "lib"
    "nodes"
    "pkgs"
  ];
  takes = lib.filterAttrs (_: optional: !optional) (builtins.functionArgs test);
  called =
    if builtins.isFunction test then
      test (lib.genAttrs given (name: if name == "lib" then lib else if name == "pkgs" then pkgs else { }))
    else
      test;
  isTest =
    (!builtins.isFunction test || builtins.all (name: builtins.elem name given) (builtins.attrNames takes))
    && builtins.isAttrs called
    && called ? steps
    && called ? nodes;
in
if !isTest then
  null
else
  import ./default.nix {
    inherit pkgs test;
    firn = make { program = /. + program; };
  }
