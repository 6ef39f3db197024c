builtins.isFunction builtins.getFlake
