map 1 2
