# Behind each mistake the text makes sense again.
let
  a = 1 b = 2;
  c = { x = ; y = 1; };
in
{ r = if a then else b; s = 1; t = = 2; }
