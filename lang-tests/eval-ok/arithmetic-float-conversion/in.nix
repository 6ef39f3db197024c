[ (toString 1.0) (toString 0.1) (toString 1.0e10) (toString (1.0 / 3)) (toString 1.0e-7) (builtins.toJSON 1.0) (builtins.toJSON 1.0e100) (builtins.toJSON 0.1) (builtins.toJSON 123456.789) ]
