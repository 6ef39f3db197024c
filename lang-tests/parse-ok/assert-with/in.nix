a: assert a; with a; assert a; b: with b; a
