let f = a: b: c: d: { inherit a b c d; sum = a + b + c + d; }; in f 1 2 3 4
