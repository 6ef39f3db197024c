{ inherit a (b); }
