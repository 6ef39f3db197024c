{
  "host": "sill"
}
