builtins.genericClosure { startSet = [ { key = { }; } { key = { }; } ]; operator = e: [ ]; }
