builtins.convertHash { hash = "abc"; toHashFormat = "base16"; }
