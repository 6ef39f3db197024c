/**
  The tests of the library: `"ok"`, or an error that shows what differs.

  Every file beside this one whose name ends in `.test.nix` is a function of
  `lib` that gives a set of `{ expr, expected }`. An expression that must fail
  has `fails = true` in the place of `expected`; its error must be one that
  `tryEval` sees.
*/
{
  lib ? import ../lib,
}:
let
  inherit (builtins)
    attrNames
    concatMap
    filter
    readDir
    tryEval
    ;

  files = filter (lib.hasSuffix ".test.nix") (attrNames (readDir ./.));

  show = lib.generators.toPretty { };

  run =
    file:
    let
      cases = import (./. + "/${file}") { inherit lib; };
    in
    concatMap (
      name:
      let
        case = cases.${name};
        result = tryEval (builtins.deepSeq case.expr case.expr);
        where = "${lib.removeSuffix ".test.nix" file}.${name}";
      in
      if case.fails or false then
        lib.optional result.success "${where}\n  should fail, but is: ${show result.value}"
      else if !result.success then
        [ "${where}\n  fails, but should be: ${show case.expected}" ]
      else
        lib.optional (
          result.value != case.expected
        ) "${where}\n  is:        ${show result.value}\n  should be: ${show case.expected}"
    ) (attrNames cases);

  failures = concatMap run files;
in
if failures == [ ] then
  "ok"
else
  throw "${toString (builtins.length failures)} tests of the library failed:\n\n${lib.concatStringsSep "\n\n" failures}\n"
