let s = { b = 2; a = 1; }; in [ (builtins.attrNames s) (builtins.attrValues s) (builtins.getAttr "a" s) (builtins.hasAttr "c" s) (builtins.removeAttrs s [ "a" "zz" ]) ]
