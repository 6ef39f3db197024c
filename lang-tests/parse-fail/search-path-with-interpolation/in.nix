<nixpkgs/${"lib"}>
