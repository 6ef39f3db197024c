# Merging of nested sets, as configurations do it.
let
  inherit (builtins) isAttrs zipAttrsWith head tail length foldl' genList elemAt attrNames;
  merge = lhs: rhs:
    let
      go = zipAttrsWith (name: values:
        if length values == 1 || !(isAttrs (elemAt values 1) && isAttrs (head values)) then elemAt values (length values - 1)
        else go values);
    in
    go [ lhs rhs ];
  tree = depth: seed: if depth == 0 then seed else {
    a = tree (depth - 1) seed; b = tree (depth - 1) (seed + 1); "n${toString seed}" = seed;
  };
  total = value: if isAttrs value then foldl' (acc: name: acc + total value.${name}) 0 (attrNames value) else value;
in
total (foldl' (acc: i: merge acc (tree 9 i)) { } (genList (i: i) 60))
