let d = derivation { name = "fixed"; system = "x86_64-linux"; builder = "/bin/sh"; }; in [ (builtins.unsafeDiscardStringContext d.drvPath) (builtins.unsafeDiscardStringContext d.outPath) ]
