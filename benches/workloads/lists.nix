# map, filter, elemAt and ++ over lists of middling length.
let
  inherit (builtins) elemAt filter foldl' genList length map;
  step = xs: map (x: x + 1) (filter (x: x - (x / 3) * 3 != 0) xs);
  rounds = n: xs: if n == 0 then xs else rounds (n - 1) (step xs ++ genList (i: i) 500);
  result = rounds 400 (genList (i: i) 3000);
in
foldl' (acc: i: acc + elemAt result i) 0 (genList (i: i) (length result))
