# A set with __functor serves wherever a function is asked for.
let add = { __functor = self: x: x + self.n; n = 10; }; in
with builtins;
[ (map add [ 1 2 ]) (genList add 2) (filter { __functor = self: x: x > 1; } [ 1 2 ]) (sort { __functor = self: a: b: a > b; } [ 1 2 ]) ]
