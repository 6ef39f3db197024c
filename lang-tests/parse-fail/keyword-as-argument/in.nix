in: 1
