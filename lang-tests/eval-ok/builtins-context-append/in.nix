let s = builtins.appendContext "x" { }; in [ s (builtins.hasContext s) ]
