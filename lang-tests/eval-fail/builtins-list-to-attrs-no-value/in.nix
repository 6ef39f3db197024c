builtins.listToAttrs [ { name = "x"; } ]
