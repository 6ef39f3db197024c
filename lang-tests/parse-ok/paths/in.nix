[ /a/b /a/b.nix ./a ./. ./x/../b ./a-b_c+d.e /. ]
