builtins.getAttr (builtins.appendContext "a" { "/nix/store/ffffffffffffffffffffffffffffffff-x".path = true; }) { a = 1; }
