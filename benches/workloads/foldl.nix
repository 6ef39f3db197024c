# A strict fold over generated lists.
let
  inherit (builtins) foldl' genList;
  sum = n: foldl' (acc: x: acc + x * 2 - 1) 0 (genList (i: i + 1) n);
in
foldl' (acc: k: acc + sum (1000 + k)) 0 (genList (i: i) 1200)
