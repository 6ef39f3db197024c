let x = throw "again"; in [ (builtins.tryEval x).success (builtins.tryEval x).success ]
