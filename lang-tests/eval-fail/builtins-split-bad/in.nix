builtins.split ")" "a"
