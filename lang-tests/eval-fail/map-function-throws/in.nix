map (x: throw "at ${toString x}") [ 1 2 ]
