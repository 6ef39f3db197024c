(args@{ a ? 1, ... }: [ a (args ? a) (builtins.attrNames args) ]) { b = 2; }
