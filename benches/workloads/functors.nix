# Sets that are called, and functions that take sets apart.
let
  inherit (builtins) foldl' genList;
  adder = { by }: { __functor = self: { value, extra ? 0, ... }: value + self.by + extra; inherit by; };
  add = map (by: adder { inherit by; }) (genList (i: i) 50);
  run = n: foldl' (acc: f: f { value = acc; other = n; }) n add;
in
foldl' (acc: n: acc + run n) 0 (genList (i: i) 6000)
