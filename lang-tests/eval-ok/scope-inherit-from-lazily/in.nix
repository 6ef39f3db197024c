let s = { inherit (throw "never") a; b = 2; }; in s.b
