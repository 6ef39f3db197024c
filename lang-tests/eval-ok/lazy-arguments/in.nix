(x: y: x) 1 (throw "no")
