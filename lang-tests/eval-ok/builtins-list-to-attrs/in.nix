builtins.listToAttrs [ { name = "a"; value = 1; } { name = "b"; value = 2; x = 3; } { name = "a"; value = throw "later ones lose"; } ]
