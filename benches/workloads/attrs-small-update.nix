# Small sets joined and selected from, again and again.
let
  inherit (builtins) foldl' genList;
  step = acc: i: let sum = acc.sum + i; in builtins.seq sum (acc // { last = i; before = acc.last; inherit sum; });
in
(foldl' step { last = 0; sum = 0; a = 1; b = 2; c = 3; } (genList (i: i) 400000)).sum
