# Names that only nested `with`s can give.
let
  inherit (builtins) foldl' genList listToAttrs toString;
  outer = listToAttrs (genList (i: { name = "o${toString i}"; value = i; }) 1000) // { step = 1; };
  inner = { twice = x: x * 2; half = x: x / 2; };
in
with outer;
with inner;
foldl' (acc: i: half (twice acc) + o5 + o77 - step * o80) 0 (genList (i: i) 400000)
