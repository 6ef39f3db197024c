map toString [ 1 (-1) 1.5 1.0e-7 1.0e20 true false null "s" [ 1 [ 2 [ ] ] "x" null 3 ] { outPath = "out"; } { __toString = self: "called ${self.x}"; x = "y"; } [ ] ]
