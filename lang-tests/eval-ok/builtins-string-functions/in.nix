[ (builtins.stringLength "héllo") (builtins.substring 1 3 "abcdef") (builtins.substring 3 100 "abcdef") (builtins.substring 10 1 "abc") (builtins.substring 0 (-1) "abc") ]
