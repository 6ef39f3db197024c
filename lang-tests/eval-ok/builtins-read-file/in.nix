builtins.stringLength (builtins.readFile ./in.nix) > 10
