# A fixpoint extended by many overlays, a few times over.
let
  inherit (builtins) foldl' genList listToAttrs toString;
  fix = f: let x = f x; in x;
  extends = overlay: f: final: let prev = f final; in prev // overlay final prev;
  base = final: listToAttrs (genList (i: { name = "p${toString i}"; value = i; }) 2000);
  overlay = i: final: prev: {
    "p${toString i}" = prev."p${toString (i + 1)}" + 1;
    "q${toString i}" = final."p${toString (i + 2)}";
  };
  set = start: fix (foldl' (f: i: extends (overlay i) f) base (genList (i: start + i) 1500));
  sum = start: let s = set start; in foldl' (acc: i: acc + s."q${toString (start + i)}") 0 (genList (i: i) 1500);
in
foldl' (acc: start: acc + sum start) 0 (genList (i: i) 40)
