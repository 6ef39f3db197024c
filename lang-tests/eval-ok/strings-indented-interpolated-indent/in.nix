let x = "line1\nline2"; in ''
  start
    ${x}
  end
''
