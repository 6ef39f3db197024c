builtins.match "a{1,60000}" "a"
