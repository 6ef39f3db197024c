# Names found through nested `with`.
let
  inherit (builtins) listToAttrs genList foldl';
  outer = listToAttrs (genList (i: { name = "outer${toString i}"; value = i; }) 1000);
  inner = listToAttrs (genList (i: { name = "inner${toString i}"; value = i; }) 1000);
  leaf = { x = 1; y = 2; };
  step = with outer; with inner; with leaf; acc: i: acc + x + y + outer7 + inner42 - outer999 + i;
in
foldl' step 0 (genList (i: i) 1200000)
