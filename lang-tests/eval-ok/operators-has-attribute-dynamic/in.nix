let n = "b"; s = { a.b = 1; }; in [ (s ? a.${n}) (s ? ${n}) (s.a ? ${"b"}) ]
