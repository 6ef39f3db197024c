{ a = [ 1 [ 2 { b = 3; } ] ]; c = { d = { }; e = [ ]; }; f = "s\n"; g = null; h = true; i = /p; }
