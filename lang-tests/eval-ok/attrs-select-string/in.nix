let s = { "a b".c = 1; }; n = "c"; in [ s."a b".c s."a b".${n} s.${"a b"}."c" ]
