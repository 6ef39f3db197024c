# Large sets from computed names.
let
  inherit (builtins) attrNames foldl' genList length listToAttrs mapAttrs toString;
  make = seed: listToAttrs (genList (i: { name = "key-${toString (i * seed)}"; value = i; }) 4000);
  sizes = map (seed: length (attrNames (mapAttrs (name: value: value + 1) (make seed)))) (genList (i: i + 1) 60);
in
foldl' (a: b: a + b) 0 sizes
