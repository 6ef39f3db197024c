let s = { a.b.c = 1; "x y" = 2; }; in [ (s ? a) (s ? a.b.c) (s ? a.z) (s ? "x y") (s ? a.b.c.d) (1 ? a) (!s ? q) ]
