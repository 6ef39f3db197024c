[ (builtins.toJSON { outPath = "/x"; other = 1; }) (builtins.toJSON { __toString = s: "str"; }) (builtins.toJSON "\n\\\"/é") (builtins.fromJSON "[1e3, -0, 12345678901, \"\\u00e9\\ud83d\\ude00\"]") ]
