[ (builtins.genList (x: x * 2) 5) (builtins.genList (x: x) 0) (builtins.length (builtins.genList (x: throw "lazy") 3)) ]
