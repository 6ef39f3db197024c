with builtins;
let s = { b = 1; a = 2; "c d" = 3; }; in
[
  (attrNames s) (attrValues s) (attrNames { }) (getAttr "a" s) (hasAttr "a" s) (hasAttr "z" s)
  (removeAttrs s [ "a" "z" ]) (removeAttrs s [ ]) (removeAttrs { a = throw "kept lazy"; b = 1; } [ "a" ])
  (intersectAttrs { a = 0; z = 0; } s) (intersectAttrs { } s) (intersectAttrs s { a = 9; q = 1; })
  (mapAttrs (n: v: "${n}=${toString v}") s) (mapAttrs (throw "not called") { }) (attrNames (mapAttrs throw s))
  (unsafeGetAttrPos "b" s).line (unsafeGetAttrPos "zz" s) (unsafeGetAttrPos "b" (mapAttrs (n: v: v) s))
  (unsafeGetAttrPos "b" (removeAttrs s [ "a" ])).column (unsafeGetAttrPos "a" (intersectAttrs { a = 1; } s)).column
]
