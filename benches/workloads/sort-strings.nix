# Sorting strings with a comparison written in the language.
let
  inherit (builtins) elemAt genList length sort toString;
  scramble = i: toString ((i * 7919 + 13) - ((i * 7919 + 13) / 30011) * 30011);
  words = genList (i: "word-${scramble i}") 30000;
  sorted = sort (a: b: a < b) words;
in
"${elemAt sorted 0} ${elemAt sorted (length sorted - 1)}"
