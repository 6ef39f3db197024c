builtins.unsafeDiscardStringContext (derivation { name = "s"; system = "s"; builder = "b"; __structuredAttrs = true; nested = { a = [ 1 { b = "x"; } ]; }; }).drvPath
