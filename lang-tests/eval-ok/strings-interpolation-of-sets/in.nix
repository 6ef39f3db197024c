let s = { outPath = "/out"; }; t = { __toString = self: "text ${self.x}"; x = "X"; }; in [ "${s}" "${t}" ("${s}/bin") ]
