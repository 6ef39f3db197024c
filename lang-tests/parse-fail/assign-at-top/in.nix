host = "sill"
