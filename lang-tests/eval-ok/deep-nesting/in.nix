let nest = n: if n == 0 then [ ] else [ (nest (n - 1)) ]; depth = l: if l == [ ] then 0 else 1 + depth (builtins.head l); in depth (nest 500)
