builtins.trace "text" (builtins.trace [ 1 (builtins.add 1 1) { a.b = x: x; } ] (builtins.warn "careful" (builtins.trace null 1)))
