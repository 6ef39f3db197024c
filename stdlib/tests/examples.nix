/**
  Whether the examples in the library's comments are true: `"ok"`, or an error
  that lists those that are not.

  An example reads "Example: `EXPRESSION` is `VALUE`". They are put into one
  file of the store and imported, so this needs a store that can be written.
*/
let
  lib = import ../lib;

  examplesIn =
    file:
    let
      # Parts between the word that begins an example and the next.
      parts = lib.drop 1 (lib.splitString "Example: `" (builtins.readFile file));
      parse = part: builtins.match "([^`]+)` is[[:space:]]+`([^`]+)`.*" part;
    in
    builtins.filter (m: m != null) (map parse parts);

  sources = builtins.filter (lib.hasSuffix ".nix") (
    map toString (lib.filesystem.listFilesRecursive ../lib)
  );

  case =
    file: example:
    let
      expr = builtins.elemAt example 0;
      value = builtins.elemAt example 1;
    in
    ''
      {
        text = ${builtins.toJSON "${baseNameOf file}: "} + ${lib.strings.escapeNixString expr};
        holds = (${expr}) == (${value});
      }
    '';

  # Discarding the context is right: the text holds no store path.
  file = builtins.toFile "examples.nix" (
    builtins.unsafeDiscardStringContext ''
      lib: with builtins; with lib; [
      ${lib.concatMapStrings (file: lib.concatMapStrings (case file) (examplesIn file)) sources}
      ]
    ''
  );

  wrong = builtins.filter (
    example:
    let
      result = builtins.tryEval example.holds;
    in
    !(result.success && result.value)
  ) (import file lib);
in
if wrong == [ ] then
  "ok"
else
  throw "these examples are not true:\n${lib.concatMapStrings (e: "  ${e.text}\n") wrong}"
