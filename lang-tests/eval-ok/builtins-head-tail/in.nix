[ (builtins.head [ 1 2 ]) (builtins.tail [ 1 2 ]) (builtins.tail [ 1 ]) (builtins.elemAt [ 1 2 3 ] 1) ]
