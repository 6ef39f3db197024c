# Everything in wide and deep structures evaluated.
let
  inherit (builtins) deepSeq foldl' genList;
  tree = depth: if depth == 0 then { leaf = depth; } else { left = tree (depth - 1); right = [ (tree (depth - 1)) ]; inherit depth; };
in
foldl' (acc: i: deepSeq (tree 14) (acc + i)) 0 (genList (i: i) 16)
