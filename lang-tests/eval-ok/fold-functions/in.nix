[ (builtins.foldl' (a: b: a - b) 10 [ 1 2 3 ]) (builtins.foldl' (a: b: "(${a}${b})") "" [ "x" "y" "z" ]) (builtins.foldl' (_: b: b) 0 [ 1 2 ]) ]
