# A package set as a fixed point with a long chain of overlays.
let
  inherit (builtins) foldl' genList attrNames listToAttrs length;
  fix = f: let x = f x; in x;
  extends = overlay: f: final: let prev = f final; in prev // overlay final prev;
  base = final: listToAttrs (genList (i: { name = "pkg${toString i}"; value = { version = i; deps = [ ]; }; }) 4000);
  overlay = i: final: prev: {
    "pkg${toString i}" = prev."pkg${toString i}" // { version = i + 1; deps = [ final."pkg${toString (i + 1)}" ]; };
    "extra${toString i}" = final."pkg${toString i}".version;
  };
  set = fix (foldl' (f: i: extends (overlay i) f) base (genList (i: i) 3000));
in
foldl' (acc: i: acc + set."extra${toString i}") (length (attrNames set)) (genList (i: i) 3000)
