a': a-b: _c: a1: [ a' a-b _c a1 ]
