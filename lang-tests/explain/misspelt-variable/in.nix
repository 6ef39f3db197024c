let
  version = "1.0";
in {
  name = "hello-${verison}";
  x = map;
}
