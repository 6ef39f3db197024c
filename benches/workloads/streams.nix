# Lazy infinite lists as attribute sets: the sieve of Eratosthenes on streams.
let
  from = n: { head = n; tail = from (n + 1); };
  filterS = p: s: if p s.head then { inherit (s) head; tail = filterS p s.tail; } else filterS p s.tail;
  sieve = s: { inherit (s) head; tail = sieve (filterS (x: x - (x / s.head) * s.head != 0) s.tail); };
  nth = n: s: if n == 0 then s.head else nth (n - 1) s.tail;
in
nth 900 (sieve (from 2))
