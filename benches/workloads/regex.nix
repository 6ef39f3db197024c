# match and split as package libraries use them: versions, names, URLs.
let
  inherit (builtins) match genList foldl' length elemAt isNull split;
  version = i: "name-${toString i}.${toString (i * 3)}.${toString (i * 7)}-rc${toString i}";
  work = i:
    let
      m = match "([a-z]+)-([0-9]+)\\.([0-9]+)\\.([0-9]+)(-rc[0-9]+)?" (version i);
      u = match "(https?)://([^/:]+)(:[0-9]+)?(/.*)?" "https://example.org:8080/path/${toString i}/x.tar.gz";
    in
    length m + length u + length (split "[.-]" (version i));
in
foldl' (acc: i: acc + work i) 0 (genList (i: i) 50000)
