# Lazy streams as sets: each tail is a thunk.
let
  from = n: { head = n; tail = from (n + 1); };
  keep = p: s: if p s.head then { inherit (s) head; tail = keep p s.tail; } else keep p s.tail;
  take = n: s: acc: if n == 0 then acc else take (n - 1) s.tail (acc + s.head);
  odd = n: n - (n / 2) * 2 == 1;
in
builtins.foldl' (acc: start: acc + take 2000 (keep odd (from start)) 0) 0 (builtins.genList (i: i) 100)
