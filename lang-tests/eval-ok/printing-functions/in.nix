[ (x: x) ({ a, b ? 1 }: a) map (map (x: x)) builtins.add (builtins.add 1) ]
