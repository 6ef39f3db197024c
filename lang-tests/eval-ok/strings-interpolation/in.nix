let a = "A"; n = { b = "B"; }; in "${a}-${n.b}-${"inner ${a}"}-${a + n.b}"
