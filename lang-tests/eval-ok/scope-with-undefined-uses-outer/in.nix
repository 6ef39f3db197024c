with { a = 1; }; with { }; a
