# genericClosure over a graph of numbers.
let
  inherit (builtins) genericClosure length;
  mod = a: b: a - (a / b) * b;
in
length (genericClosure {
  startSet = [ { key = 1; } ];
  operator = { key }: [ { key = mod (key * 3 + 1) 90001; } { key = mod (key * 7 + 5) 90001; } { key = mod (key + 1) 90001; } ];
})
