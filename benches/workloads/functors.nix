# Callable sets, formals with defaults, `@`-patterns.
let
  inherit (builtins) foldl' genList;
  one = { step = 1; __functor = self: { x, y ? x, ... }@args: self.step + x + y + (args.z or 0); };
  call = acc: i: acc + one { x = i; } + one { x = i; z = 2; } - one { x = i; y = 1; };
in
foldl' call 0 (genList (i: i) 450000)
