f: g: x: [ (f x x) (f (g x)) (f g.a x.b) (f x.a or g) ((f x) g) (f { } [ ] "s" ./p) ]
