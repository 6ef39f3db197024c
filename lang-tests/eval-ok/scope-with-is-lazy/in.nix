let unused = with (throw "not needed"); 5; in unused
