with { a = 1; b = 2; }; with { a = 10; c = 30; }; [ a b c ]
