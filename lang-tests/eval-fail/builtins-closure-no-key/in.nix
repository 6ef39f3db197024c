builtins.genericClosure { startSet = [ { a = 1; } ]; operator = e: [ ]; }
