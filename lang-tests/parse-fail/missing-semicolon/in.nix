{
  host = "sill"
  port = 22;
}
