builtins.tryEval (abort "for good")
