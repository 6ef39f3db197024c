baseNameOf (builtins.findFile [ { path = ./.; prefix = "here"; } { path = "/nonexistent"; prefix = ""; } ] "here/in.nix")
