[ (toString ./x == toString ./. + "/x") (baseNameOf ./foo/bar) (builtins.typeOf ./.) (toString ./a/../b == toString ./b) ]
