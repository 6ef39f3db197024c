# Building, joining and taking strings apart.
let
  inherit (builtins) concatStringsSep foldl' genList replaceStrings stringLength substring toString;
  line = i: "item ${toString i}: ${substring (i - (i / 10) * 10) 8 "abcdefghijklmnopqrstuvwxyz"}";
  text = concatStringsSep "\n" (genList line 600000);
  escaped = replaceStrings [ "\n" "item" "x" ] [ "; " "ITEM" "X" ] text;
  chained = foldl' (acc: i: acc + "${toString i},") "" (genList (i: i) 6000);
in
stringLength escaped + stringLength chained
