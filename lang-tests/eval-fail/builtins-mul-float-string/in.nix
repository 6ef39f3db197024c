builtins.mul 1.5 "2"
