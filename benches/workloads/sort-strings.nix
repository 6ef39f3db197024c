# Sorting strings with a comparison written in the language.
let
  inherit (builtins) sort genList foldl' hashString substring length elemAt;
  names = k: genList (i: hashString "md5" "${toString k}/${toString i}") 2500;
  pick = xs: substring 0 4 (elemAt xs (length xs / 2));
in
foldl' (acc: k: acc + pick (sort (a: b: a < b) (names k))) "" (genList (i: i) 80)
