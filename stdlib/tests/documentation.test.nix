/**
  Every name of the library is documented: the lines before its definition are
  a comment that begins with two stars.
*/
{ lib }:
let
  files = lib.filter (f: lib.hasSuffix ".nix" f) (map toString (lib.filesystem.listFilesRecursive ../lib));

  # Definitions of the outermost set of a file: two blanks, a name, " =".
  # What is inherited has its documentation elsewhere.
  undocumented =
    file:
    let
      lines = lib.splitString "\n" (builtins.readFile file);
      n = builtins.length lines;
      line = builtins.elemAt lines;
      start = lib.lists.findFirstIndex (l: l == "rec {" || l == "{") null lines;
      isDefinition = l: builtins.match "  [\"a-zA-Z_][a-zA-Z0-9_'\"-]* =.*" l != null;
      documented = i: lib.hasSuffix "*/" (line (i - 1));
    in
    if start == null then
      [ ]
    else
      map (i: "${baseNameOf file}: ${lib.trim (lib.head (lib.splitString "=" (line i)))}") (
        lib.filter (i: i > start && isDefinition (line i) && !documented i) (lib.range 0 (n - 1))
      );

  # Tables of data, one entry a line, speak for themselves.
  tables = [
    "default.nix"
    "doubles.nix"
    "examples.nix"
    "inspect.nix"
    "kernel.nix"
    "licenses.nix"
    "source-types.nix"
    "parse.nix"
  ];
in
{
  everyFunctionHasItsComment = {
    expr = lib.concatMap undocumented (lib.filter (f: !builtins.elem (baseNameOf f) tables) files);
    expected = [ ];
  };
  everyFileSaysWhatItIs = {
    expr = lib.filter (f: !lib.hasPrefix "/**" (builtins.readFile f)) files;
    expected = [ ];
  };
}
