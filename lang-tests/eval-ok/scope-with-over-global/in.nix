with { map = "with"; null = 1; }; [ (builtins.isFunction map) null ]
