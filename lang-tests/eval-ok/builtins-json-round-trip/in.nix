let v = { a = [ 1 2.5 "x" null true { b = [ ]; } ]; "q\"uote" = "tab\t"; }; in [ (builtins.toJSON v) (builtins.fromJSON (builtins.toJSON v) == v) ]
