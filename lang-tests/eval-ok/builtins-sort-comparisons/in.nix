# Which elements are compared, in which order, can be observed.
let
  seen = a: b: builtins.trace "${toString a} ${toString b}" (a < b);
  scattered = n: builtins.genList (i: (i * 17 + 5) - ((i * 17 + 5) / n * n)) n;
in
[ (builtins.sort seen (scattered 5)) (builtins.sort seen (scattered 19)) (builtins.sort seen ((scattered 10) ++ builtins.genList (i: 40 - i) 12 ++ builtins.genList (i: i) 11)) ]
