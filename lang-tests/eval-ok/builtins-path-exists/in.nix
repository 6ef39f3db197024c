[ (builtins.pathExists ./in.nix) (builtins.pathExists ./missing) (builtins.pathExists "${toString ./.}/in.nix/") ]
