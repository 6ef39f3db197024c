let qs = l: if l == [ ] then [ ] else let p = builtins.head l; r = builtins.partition (x: x < p) (builtins.tail l); in qs r.right ++ [ p ] ++ qs r.wrong; in qs [ 3 1 4 1 5 9 2 6 5 3 5 ]
