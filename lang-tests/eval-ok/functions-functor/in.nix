let s = { __functor = self: x: self.factor * x; factor = 3; }; in [ (s 4) (map s [ 1 2 ]) ((s // { factor = 10; }) 4) ]
