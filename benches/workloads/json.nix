# toJSON and fromJSON of a nested value.
let
  inherit (builtins) toJSON fromJSON genList foldl' stringLength;
  value = k: { name = "n${toString k}"; list = genList (i: { id = i; text = "line \"${toString i}\"\n"; ratio = i / 2.0; }) 60; };
  work = k: stringLength (toJSON (fromJSON (toJSON (value k))));
in
foldl' (acc: k: acc + work k) 0 (genList (i: i) 2000)
