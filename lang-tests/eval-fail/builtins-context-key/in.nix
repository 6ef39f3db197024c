builtins.appendContext "s" { "/tmp/x" = { path = true; }; }
