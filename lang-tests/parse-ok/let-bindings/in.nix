let a = 1; inherit (b) c; b = { c = a; }; in let in [ a b c ]
