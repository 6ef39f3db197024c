rec a = 1;
