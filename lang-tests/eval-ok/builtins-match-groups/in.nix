[ (builtins.match "a(b*)c" "abbc") (builtins.match "(x)?(y)" "y") (builtins.match ".*" "") (builtins.match "a" "b") (builtins.match "[[:digit:]]+" "123") (builtins.match "(a|ab)(c|bcd)(d*)" "abcd") ]
