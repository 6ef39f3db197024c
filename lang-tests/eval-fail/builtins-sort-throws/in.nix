builtins.sort (a: b: throw "comparing ${toString a} and ${toString b}") [ 1 2 3 ]
