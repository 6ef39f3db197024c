builtins.mapAttrs (n: v: throw "value of ${n}") { a = 1; }
