assert 1 < 2; assert true; "fine"
