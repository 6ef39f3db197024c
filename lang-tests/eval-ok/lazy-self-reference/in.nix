let x = { a = 1; b = x.a; c = x; }; in [ x.b x.c.c.b ]
