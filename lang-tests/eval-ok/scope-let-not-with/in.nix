let x = "let"; in with { x = "with"; y = "y"; }; [ x y ]
