{ system = assert builtins.length [ 1 2 ] == 3; "x"; }
