(builtins.readDir ./.)."in.nix"
