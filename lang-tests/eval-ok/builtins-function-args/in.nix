[
  (builtins.functionArgs ({ a, b ? 1, ... }: a))
  (builtins.functionArgs (x: x))
  (builtins.functionArgs builtins.add)
  (builtins.functionArgs (all@{ only ? throw "not looked at" }: all))
  (builtins.unsafeGetAttrPos "b" (builtins.functionArgs ({ a, b ? 1 }: a))).column
]
