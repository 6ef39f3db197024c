let s = rec { a = b; b = c; c = 3; d = { inherit a; }; }; in s
