builtins.genericClosure { startSet = [ { key = 1; } ]; operator = { key }: if key < 4 then [ { key = key + 1; } { key = 1; } ] else [ ]; }
