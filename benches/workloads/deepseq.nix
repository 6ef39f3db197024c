# A large lazy structure, forced whole.
let
  inherit (builtins) genList deepSeq length;
  build = depth: if depth == 0 then { leaf = 1 + 1; } else {
    left = build (depth - 1); right = build (depth - 1); items = genList (i: i * depth) 4;
  };
  tree = build 18;
in
deepSeq tree (length (builtins.attrNames tree))
