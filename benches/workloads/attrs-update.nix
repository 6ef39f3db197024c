# One large set grown key by key.
let
  inherit (builtins) foldl' genList attrNames length;
  grow = acc: i: acc // { "k${toString i}" = i; };
in
length (attrNames (foldl' grow { } (genList (i: i) 16000)))
