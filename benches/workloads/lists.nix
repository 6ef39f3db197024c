# map, filter, concatMap, concatLists, elem, sort, partition on middling lists.
let
  inherit (builtins) map filter concatMap concatLists genList sort partition length elem foldl' elemAt;
  round = seed:
    let
      xs = genList (i: (i * 7919 + seed) - ((i * 7919 + seed) / 1009) * 1009) 400;
      doubled = concatMap (x: [ x (x + 1) ]) xs;
      parts = partition (x: x > 500) doubled;
      sorted = sort (a: b: a < b) (filter (x: x - (x / 3) * 3 != 0) parts.right);
      nested = concatLists (map (x: [ x ]) sorted);
    in
    length nested + elemAt sorted 3 + (if elem 77 parts.wrong then 1 else 0);
in
foldl' (acc: k: acc + round k) 0 (genList (i: i) 600)
