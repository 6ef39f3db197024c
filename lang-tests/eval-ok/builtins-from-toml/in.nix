builtins.fromTOML ''
  title = "example"  # a comment
  numbers = [ 1, -2, 0xff, 0o17, 0b11, 1_000, 1.5, 1e3 ]
  "quoted key" = 'literal \ text'
  a.b.c = true
  inline = { x = 1, y = { z = "w" } }
  text = """
  one \
     line"""

  [table]
  key = "value"
  [table.sub]
  n = 1
  [[list]]
  n = 1
  [[list]]
  n = 2
''
