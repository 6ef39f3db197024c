let k = "k"; in { a.${k}.b = 1; a.${k + "2"} = 2; }
