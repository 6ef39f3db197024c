# A graph walked by its keys.
let
  inherit (builtins) foldl' genericClosure length;
  mod = a: b: a - (a / b) * b;
  reach = start:
    genericClosure {
      startSet = [ { key = start; } ];
      operator = { key }: [ { key = mod (key * 3 + 1) 20011; } { key = mod (key * 5 + 2) 20011; } ];
    };
in
foldl' (acc: start: acc + length (reach start)) 0 [ 1 2 3 4 5 6 ]
