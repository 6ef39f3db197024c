{ host = "sill" }
