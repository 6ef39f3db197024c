if 1 = 2 then "same" else "other"
