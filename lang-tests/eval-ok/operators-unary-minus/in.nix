let x = 3; f = y: y; in [ (-x) (- - x) (f (-x)) (-1.5) (0 - -x) ]
