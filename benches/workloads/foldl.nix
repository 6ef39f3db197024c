# A strict fold over long lists, with a closure that captures.
let
  inherit (builtins) foldl' genList;
  numbers = genList (i: i) 400000;
  sum = scale: foldl' (acc: i: acc + i * scale) 0 numbers;
in
foldl' (acc: scale: acc + sum scale) 0 [ 1 2 3 4 5 ]
