''
  open
