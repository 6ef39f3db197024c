builtins.zipAttrsWith (n: v: v) [ { } 2 ]
