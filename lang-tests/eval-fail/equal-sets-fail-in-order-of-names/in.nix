# The names are first seen in another order than theirs.
let
  names = [ "zz-equal" "aa-equal" ];
  left = { zz-equal = throw "zz"; aa-equal = throw "aa"; };
in
builtins.seq names (left == builtins.listToAttrs (map (name: { inherit name; value = 1; }) names))
