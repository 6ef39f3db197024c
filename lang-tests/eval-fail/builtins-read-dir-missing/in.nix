builtins.readDir /does/not/exist
