''
	tab
  spaces
''
