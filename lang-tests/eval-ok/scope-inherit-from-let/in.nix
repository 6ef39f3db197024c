let a = 1; b = 2; s = { inherit a b; }; in s
