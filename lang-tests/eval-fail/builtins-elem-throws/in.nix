builtins.elem 1 [ (throw "on the way") ]
