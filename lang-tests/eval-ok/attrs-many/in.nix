let big = builtins.listToAttrs (builtins.genList (i: { name = "n${toString i}"; value = i; }) 100); in [ big.n0 big.n99 (builtins.length (builtins.attrNames big)) (big ? n100) ]
