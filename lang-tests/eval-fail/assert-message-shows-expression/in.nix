let x = { a = 1; }; in assert x ? b && x.a == 1; x
