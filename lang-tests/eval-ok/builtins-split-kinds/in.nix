[ (builtins.split "," "a,b,,c") (builtins.split "(a)|(b)" "xaybz") (builtins.split "x*" "axb") (builtins.split "" "ab") ]
