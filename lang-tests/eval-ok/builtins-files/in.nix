with builtins;
[
  (readFile ./data.txt) (readDir ./dir) (readFileType ./data.txt) (readFileType ./dir) (pathExists ./data.txt) (pathExists ./none) (pathExists (toString ./dir + "/"))
  (pathExists (toString ./data.txt + "/")) (import ./dir) (import ./dir/value.nix { }) (scopedImport { y = 40; } ./dir/scoped.nix)
  (baseNameOf (findFile [ { prefix = "x"; path = ./dir; } ] "x/value.nix")) (toPath "/a/../b//c")
  (scopedImport { map = x: y: "mine"; } ./dir/map.nix)
]
