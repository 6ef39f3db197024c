let
  check = x: if x > 10 then throw "the port ${toString x} is too large" else x;
in {
  services.web.port = check 8000;
}
