let f = x: x; s = { inherit f; }; in [ (f == f) ([ f ] == [ f ]) (s == s) ({ inherit f; } == { inherit f; }) ((x: x) == (x: x)) ]
