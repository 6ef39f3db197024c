let n = "name"; in [ (toString /a/${n}/b) (toString /a/x${n}y) (builtins.typeOf /a/${n}) ]
