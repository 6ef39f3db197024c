builtins.sort (a: b: a) [ 2 1 ]
