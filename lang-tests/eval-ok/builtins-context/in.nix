with builtins;
let
  drv = "/nix/store/ffffffffffffffffffffffffffffffff-x.drv";
  plain = appendContext "s" { ${drv}.path = true; };
  built = appendContext "t" { ${drv}.outputs = [ "out" "dev" ]; };
  deep = addDrvOutputDependencies plain;
  all = plain + built + deep;
in
[
  (hasContext "a") (hasContext plain) (getContext "a") (getContext plain) (getContext built) (getContext deep) (getContext all)
  (getContext (unsafeDiscardStringContext all)) (getContext (unsafeDiscardOutputDependency deep)) (getContext (addDrvOutputDependencies deep))
  (getContext (substring 0 0 all)) (getContext (substring 1 1 all)) (getContext (concatStringsSep plain [ "a" built ])) (getContext (replaceStrings [ "a" ] [ built ] "ba"))
  (getContext (replaceStrings [ "q" ] [ built ] "ba")) (map getContext (filter isString (split "s" plain))) (map getContext (match "(.*)" plain)) (getContext (toJSON { x = built; }))
  (getContext (baseNameOf plain)) (getContext (dirOf plain)) (getContext (toString [ plain ])) (getContext (hashString "md5" plain)) (getContext (head (split "z" plain)))
]
