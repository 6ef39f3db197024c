[ "ünï¢ödé" (builtins.stringLength "€") (builtins.substring 0 3 "€uro") (builtins.match ".*é.*" "café" != null) ]
