x: y: { inherit x; inherit (x) a b "c" or; inherit (y) d; inherit ({ e = 1; }) e; inherit; }
