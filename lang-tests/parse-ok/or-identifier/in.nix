f: x: with { or = 1; }; [ (f or) ((f or) x) { or = 1; } ({ or = 1; }.or or 2) ]
