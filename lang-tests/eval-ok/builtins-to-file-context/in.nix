let f = builtins.toFile "name" "text"; in [ (builtins.hasContext f) (builtins.getContext f ? ${builtins.unsafeDiscardStringContext f}) (baseNameOf f != "name") ]
