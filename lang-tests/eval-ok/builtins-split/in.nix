map (c: builtins.split (builtins.elemAt c 0) (builtins.elemAt c 1)) [
  [ "(a)b" "abc" ] [ "([ac])" "abc" ] [ "(a)|(c)" "abc" ] [ "([[:upper:]]+)" " FOO " ] [ "" "abc" ] [ "x*" "axb" ] [ "b|$" "ab" ] [ "^a" "aaa" ]
  [ "/" "/usr//lib/" ] [ "," "" ] [ " +" "a  b c" ] [ "(a|ab)(c|bcd)" "abcd" ] [ "\n" "one\ntwo\n" ]
]
