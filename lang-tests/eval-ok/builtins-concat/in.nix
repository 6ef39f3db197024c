[ (builtins.concatLists [ [ 1 ] [ ] [ 2 3 ] ]) (builtins.concatMap (x: [ x x ]) [ 1 2 ]) (builtins.concatStringsSep "," [ "a" "b" ]) (builtins.concatStringsSep "," [ ]) ]
