map (c: builtins.match (builtins.elemAt c 0) (builtins.elemAt c 1)) [
  [ "ab" "abc" ] [ "abc" "abc" ] [ "a(b)(c)" "abc" ] [ "[[:space:]]+([[:upper:]]+)[[:space:]]+" "  FOO   " ]
  [ "(a)|(b)" "b" ] [ "((a)|(b))*" "ab" ] [ "(.*)\\.(.*)" "a.b.c" ] [ "" "" ] [ "()" "" ] [ "a*" "" ] [ "(a?)(a*)" "aa" ]
  [ "x{2,3}" "xx" ] [ "x{2,3}" "xxxx" ] [ "[^/]*/(.*)" "usr/lib/x" ] [ "é." "éx" ] [ "(\n|a)*" "a\na" ] [ "([0-9]+)\\.([0-9]+).*" "23.11pre" ]
  [ "(|a)*" "aa" ] [ "(a*)+" "b" ] [ "[]a-]+" "a-]" ] [ "(.*)=(.*)" "a=b=c" ]
]
