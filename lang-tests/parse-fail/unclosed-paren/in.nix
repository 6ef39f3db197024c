f (a b
