let a = b: { c = d b; }; d = e: f e; f = g: g + "x"; in (a 1).c
