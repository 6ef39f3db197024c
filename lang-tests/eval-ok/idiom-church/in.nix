let zero = f: x: x; succ = n: f: x: f (n f x); toInt = n: n (x: x + 1) 0; add = a: b: f: x: a f (b f x); three = succ (succ (succ zero)); in toInt (add three three)
