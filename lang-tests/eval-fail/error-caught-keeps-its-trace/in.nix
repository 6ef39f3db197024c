# What fails again fails as it did the first time, up to where that was caught.
let
  bad = throw "bad";
  first = builtins.addErrorContext "in the first" bad;
  second = builtins.addErrorContext "in the second" bad;
in
if (builtins.tryEval first).success then 1 else second
