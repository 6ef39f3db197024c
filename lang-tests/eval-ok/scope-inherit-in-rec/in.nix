rec { inherit (x) y; x = { y = 4; }; z = y + 1; }
