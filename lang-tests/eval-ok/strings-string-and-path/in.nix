let p = /a/b; in [ (p + "/c") (p + "c") (builtins.typeOf (p + "c")) (builtins.typeOf ("x" + toString p)) ]
