[ 1 2 3 ] |> map (x: x * 2) |> builtins.foldl' builtins.add 0
