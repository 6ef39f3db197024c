assert 1 = 2; "other"
