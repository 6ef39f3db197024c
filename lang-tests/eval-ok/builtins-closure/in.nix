with builtins;
let
  close = startSet: operator: map (e: e.key) (genericClosure { inherit startSet operator; });
in
[
  (close [ { key = 5; } ] (e: if e.key > 0 then [ { key = e.key - 2; } { key = e.key - 1; } ] else [ ]))
  (close [ { key = "a"; } { key = "a"; } ] (e: [ ]))
  (close [ ] throw)
  (close [ { key = 1; } { key = 1.0; } { key = 1.5; } ] (e: [ ]))
  (close [ { key = [ 1 "x" ]; } { key = [ 1 "x" ]; } { key = [ 1 "y" ]; } ] (e: [ ]))
  (close [ { key = ./a; } { key = ./b; } { key = ./a; } ] (e: [ ]) == [ ./a ./b ])
]
