{ a = 1; /* never ends }
