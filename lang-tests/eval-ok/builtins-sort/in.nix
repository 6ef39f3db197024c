with builtins;
[
  (sort lessThan [ 3 1 2 ]) (sort lessThan [ "b" "a" "" "ab" "a" ]) (sort lessThan [ 1.5 1 (-1) 2 ]) (sort lessThan [ [ 2 ] [ 1 9 ] [ 1 ] ])
  (sort (a: b: a > b) (genList (i: i) 40))
  (map (e: e.v) (sort (a: b: a.k < b.k) [ { k = 2; v = "a"; } { k = 1; v = "b"; } { k = 2; v = "c"; } { k = 1; v = "d"; } ]))
  (sort (a: b: true) [ 1 2 3 4 5 ])
  (sort (a: b: false) [ 3 1 2 ])
  (sort 1 [ ])
  (let n = 60; in sort lessThan (genList (i: (i * 37) - (i * 37 / n * n)) n))
]
