# Patterns that drive other matchers to their knees.
let long = builtins.concatStringsSep "" (builtins.genList (i: "a") 20000); in
[ (builtins.match "(.*)" long == [ long ]) (builtins.length (builtins.split "a" long)) (builtins.match "[a-z]*b" long) ]
