let f = builtins.foldl' builtins.add; in [ (f 0 [ 1 2 ]) (f 10 [ 1 2 ]) ]
