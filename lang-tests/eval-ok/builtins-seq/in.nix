[ (builtins.seq 1 2) (builtins.seq [ (throw "inner is left alone") ] 3) (builtins.deepSeq { a = [ 1 ]; } 4) ]
