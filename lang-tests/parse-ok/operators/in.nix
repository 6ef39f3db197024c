# Precedence and associativity, made visible by the printed form.
a: b: c:
[
  (a + b * c - a / b)
  (a ++ b ++ c)
  (a // b // c)
  (!a && b || c -> a)
  (-a + -b)
  (a.x or b ? y)
  (a == b && b != c)
]
