a: d: [ (a.b or d) (a.b.c or d.e or a) (a.${d} or 1) (a."b c") (a.b or d a) ]
