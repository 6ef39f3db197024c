with builtins;
[
  (add 1 2) (add 1 2.5) (sub 1 3) (mul 3 4) (mul 3 0.5) (div 7 2) (div (-7) 2) (div 7 2.0)
  (bitAnd 12 10) (bitOr 12 10) (bitXor 12 10) (bitAnd (-1) 255)
  (lessThan 1 2) (lessThan 2 1.5) (lessThan "a" "b") (lessThan [ 1 "x" ] [ 1 "y" ]) (lessThan [ ] [ 1 ])
  (ceil 1.2) (ceil (-1.2)) (floor 1.8) (floor (-1.8)) (ceil 3) (floor (-3))
  (add 9223372036854775806 1) (sub (-9223372036854775807) 1)
]
