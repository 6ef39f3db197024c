let s = { a = 1; b = throw "no"; }; in [ s.a (s ? b) (builtins.attrNames s) ]
