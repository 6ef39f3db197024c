with builtins;
[
  (listToAttrs [ { name = "x"; value = 1; } { name = "y"; value = 2; } { name = "x"; value = throw "second"; } ])
  (listToAttrs [ { name = "x"; value = 1; } { name = "x"; } ])
  (listToAttrs [ ])
  (unsafeGetAttrPos "x" (listToAttrs [ { name = "x"; value = 1; } ])).column
  (catAttrs "a" [ { a = 1; } { b = 0; } { a = 2; } ]) (catAttrs "a" [ ])
  (groupBy (x: if x > 2 then "big" else "small") [ 1 4 2 3 ]) (groupBy throw [ ])
  (zipAttrsWith (name: values: { inherit name values; }) [ { a = 1; } { a = 2; b = 3; } { } ]) (zipAttrsWith throw [ ])
  (attrNames (zipAttrsWith throw [ { a = throw "x"; } ]))
]
