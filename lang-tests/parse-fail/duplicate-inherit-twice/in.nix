x: y: {
  inherit (x) a b;
  inherit (y) b;
}
