{ a.then.b = 1; }
