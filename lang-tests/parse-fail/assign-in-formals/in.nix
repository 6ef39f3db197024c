{ host, port = 22 }: host
