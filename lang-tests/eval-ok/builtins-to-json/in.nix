with builtins;
[
  (toJSON { b = [ 1 2.5 true null ]; a = "x\"\\\n\té/"; "c d" = { }; })
  (toJSON [ 1.0 0.1 1.0e100 1.0e-7 123456789.125 (-0.0) 1.0e15 1.0e16 0.30000000000000004 ])
  (toJSON { outPath = "out"; ignored = throw "not needed"; }) (toJSON { __toString = self: "called"; }) (toJSON { outPath = { outPath = "deep"; }; })
  (toJSON [ ]) (toJSON 9223372036854775807) (toJSON "\u001f")
]
