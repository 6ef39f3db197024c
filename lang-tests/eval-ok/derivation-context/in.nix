let a = derivation { name = "a"; system = "s"; builder = "b"; }; in builtins.attrValues (builtins.getContext "${a}")
