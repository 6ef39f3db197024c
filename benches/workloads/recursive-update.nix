# Merging nested sets by name.
let
  inherit (builtins) attrNames foldl' genList isAttrs listToAttrs toString;
  update = a: b:
    a // listToAttrs (map (name: {
      inherit name;
      value =
        if a ? ${name} && isAttrs a.${name} && isAttrs b.${name} then update a.${name} b.${name} else b.${name};
    }) (attrNames b));
  tree = depth: seed:
    if depth == 0 then seed
    else listToAttrs (genList (i: { name = "n${toString (i + seed)}"; value = tree (depth - 1) (seed + i); }) 5);
  count = t: if isAttrs t then foldl' (acc: n: acc + count t.${n}) 0 (attrNames t) else 1;
in
count (foldl' update { } (genList (i: tree 4 (i - (i / 7) * 7)) 60))
