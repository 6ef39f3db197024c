[ (1 + 2 * 3) (10 - 4 - 3) (2 * 3 - 4 / 2) (-2 + 3) (!false && false) (1 == 1 && 2 < 3 || false) (true -> false -> true) ]
