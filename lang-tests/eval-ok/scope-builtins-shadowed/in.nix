let builtins = { add = a: b: "mine"; }; in builtins.add 1 2
