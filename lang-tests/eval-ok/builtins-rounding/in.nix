[ (builtins.floor 1.7) (builtins.floor (-1.2)) (builtins.ceil 1.2) (builtins.ceil (-1.7)) (builtins.floor 5) (builtins.ceil 5) ]
