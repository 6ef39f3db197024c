map (f: f [ 3 1 2 ]) [ builtins.length builtins.head (builtins.sort builtins.lessThan) (builtins.foldl' builtins.add 0) ]
