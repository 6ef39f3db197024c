with builtins;
[
  (map (c: compareVersions (elemAt c 0) (elemAt c 1)) [ [ "1.0" "2.3" ] [ "2.3" "2.3" ] [ "2.3.1" "2.3a" ] [ "2.3pre1" "2.3" ] [ "2.3pre3" "2.3pre12" ] [ "" "" ] [ "1." "1" ] [ "2147483648" "3" ] [ "a-b" "a.b" ] ])
  (map splitVersion [ "1.2.3" "7.0-pre12x" "" "--" "v1" ])
  (map parseDrvName [ "nix-0.12pre12876" "apache-httpd-2.0.48" "foo" "foo-" "-1" "a-b--c" ])
]
