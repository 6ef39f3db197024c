# Sets with computed names: listToAttrs, mapAttrs, attrNames, removeAttrs, intersectAttrs.
let
  inherit (builtins) listToAttrs genList mapAttrs attrNames removeAttrs intersectAttrs length foldl' attrValues;
  build = k:
    let
      set = listToAttrs (genList (i: { name = "key-${toString (i * k)}"; value = i; }) 500);
      bumped = mapAttrs (name: value: value + 1) set;
      fewer = removeAttrs bumped (genList (i: "key-${toString i}") 50);
      common = intersectAttrs set fewer;
    in
    length (attrNames common) + foldl' (a: b: a + b) 0 (attrValues common);
in
foldl' (acc: k: acc + build k) 0 (genList (i: i + 1) 900)
