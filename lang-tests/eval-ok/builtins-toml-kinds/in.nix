builtins.fromTOML ''
  title = "x"
  n = 1_000
  f = 1.5
  b = true
  list = [ 1, 2 ]
  [table.sub]
  k = 'raw\n'
  [[items]]
  a = 1
  [[items]]
  a = 2
''
