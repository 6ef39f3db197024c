/* a */ let /* b */ x # c
= /* d */ 1; # e
in /* f */ x /* g */ + # h
2
