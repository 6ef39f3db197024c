let l = [ 1 (throw "no") 3 ]; in [ (builtins.length l) (builtins.elemAt l 2) (builtins.head l) ]
