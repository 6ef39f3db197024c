/**
  Sets of files: what is asked of files, and when.
*/
{ lib }:
let
  inherit (lib.fileset) fileFilter toList union;
  here = fileFilter (file: file.name != "fileset.test.nix" || throw "asked for nothing") ./.;
in
{
  filesThatBelongAreNotAskedFor = {
    expr = lib.elem ./fileset.test.nix (toList (union ./fileset.test.nix here));
    expected = true;
  };
  filesOfTheFirstSetAreAskedFor = {
    expr = toList (union here ./fileset.test.nix);
    fails = true;
  };
  filesAreAskedForTheirExtension = {
    expr = map baseNameOf (toList (fileFilter ({ name, hasExt, ... }: hasExt "test.nix" && name < "fz") ./.));
    expected = [
      "documentation.test.nix"
      "fileset.test.nix"
    ];
  };
}
