builtins.filter (x: "no") [ 1 ]
