builtins.genericClosure { startSet = [ { key = 1; } ]; operator = e: throw "at ${toString e.key}"; }
