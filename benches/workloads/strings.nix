# Interpolation, concatStringsSep, substring, replaceStrings, split.
let
  inherit (builtins) concatStringsSep genList substring stringLength replaceStrings foldl' filter isString split;
  line = k: concatStringsSep "," (genList (i: "item-${toString (i + k)}=${toString (i * k)}") 120);
  work = k:
    let
      text = line k;
      swapped = replaceStrings [ "item" "=" ] [ "thing" " := " ] text;
      parts = filter isString (split "," swapped);
    in
    stringLength (concatStringsSep "\n" parts) + stringLength (substring 10 40 text);
in
foldl' (acc: k: acc + work k) 0 (genList (i: i) 2000)
