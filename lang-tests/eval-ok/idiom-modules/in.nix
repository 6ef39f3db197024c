let merge = builtins.foldl' (acc: m: acc // (m acc)) { }; in merge [ (c: { a = 1; }) (c: { b = c.a + 1; }) (c: { total = c.a + c.b; }) ]
