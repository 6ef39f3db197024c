with builtins;
[
  (length [ 1 2 3 ]) (length [ ]) (head [ 1 2 ]) (tail [ 1 2 3 ]) (tail [ 1 ])
  (elemAt [ "a" "b" ] 1) (elem 2 [ 1 2 ]) (elem { a = 1; } [ { a = 1; } ]) (elem 1 [ ]) (elem 1 [ 1.0 ])
  (map (x: x * 2) [ 1 2 3 ]) (map (throw "not called") [ ]) (length (map throw [ "a" "b" ]))
  (filter (x: x > 1) [ 1 2 3 ]) (filter (x: true) [ 1 2 ]) (filter 1 [ ])
  (partition (x: x > 1) [ 3 1 2 ]) (partition (x: true) [ ])
  (any (x: x > 1) [ 0 2 (throw "too far") ]) (all (x: x > 1) [ 0 (throw "too far") ]) (any (x: true) [ ]) (all (x: false) [ ])
  (foldl' (a: b: a + b) "" [ "x" "y" "z" ]) (foldl' (a: b: b) (throw "never looked at") [ 1 2 ]) (foldl' (a: b: a) 7 [ ])
  (concatLists [ [ 1 ] [ ] [ 2 3 ] ]) (concatLists [ ]) (concatMap (x: [ x x ]) [ 1 2 ]) (concatMap (x: [ ]) [ 1 2 ])
  (genList (i: i * i) 5) (genList throw 0) (length (genList throw 3))
]
