# Many small sets joined with `//`, one attribute selected of each.
let
  inherit (builtins) foldl' genList;
  base = { a = 1; b = 2; c = 3; d = 4; e = 5; f = 6; };
  step = acc: i: (base // { f = i; g = acc; }).g + (base // { a = i; }).a - (base // { h = 1; }).b;
in
foldl' step 0 (genList (i: i) 900000)
