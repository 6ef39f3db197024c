let y = builtins.trace "shared" 2; l = [ y y y ]; in builtins.foldl' builtins.add 0 l
