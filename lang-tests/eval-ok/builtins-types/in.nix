# The kind of each kind of value, by name and by question.
let
  values = [ 1 true "s" ./in.nix null { } [ ] (x: x) builtins.map (builtins.map (x: x)) 1.5 ];
  questions = with builtins; [ isInt isBool isString isPath isNull isAttrs isList isFunction isFloat ];
in
map (value: [ (builtins.typeOf value) (map (ask: ask value) questions) ]) values
