let s = { a.b = 1; l = [ ]; }; in [ (s.a.b or 0) (s.a.x or 1) (s.x.y or 2) (s.l.x or 3) (s.a.b.c or 4) (s.x or s.y or 5) ]
