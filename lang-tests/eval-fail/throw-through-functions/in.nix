let f = x: g x; g = x: if x > 1 then throw "too big" else x; in f 2
