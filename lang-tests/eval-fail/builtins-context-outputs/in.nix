builtins.appendContext "s" { "/nix/store/ffffffffffffffffffffffffffffffff-x".outputs = [ "out" ]; }
