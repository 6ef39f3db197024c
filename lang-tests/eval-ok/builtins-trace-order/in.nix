builtins.trace "first" (builtins.trace [ 1 "two" ] (builtins.trace { a = 3; } "done"))
