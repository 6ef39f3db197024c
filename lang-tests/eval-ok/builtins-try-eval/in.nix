map builtins.tryEval [
  1 (throw "caught") (assert false; 1) 
]  ++ [ (builtins.tryEval (throw "x" + 1)).success (builtins.tryEval (import <nowhere>)).success (builtins.tryEval (builtins.seq (throw "a") 1)).success ]
