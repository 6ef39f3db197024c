with builtins;
[
  (stringLength "") (stringLength "aé") (substring 0 2 "hello") (substring 2 (-1) "hello") (substring 10 5 "hello") (substring 3 100 "hello") (substring 1 0 "hello")
  (concatStringsSep ", " [ "a" "b" "c" ]) (concatStringsSep "," [ ]) (concatStringsSep "," [ { outPath = "o"; } ])
  (replaceStrings [ "a" "b" ] [ "b" "a" ] "abc") (replaceStrings [ "" ] [ "-" ] "ab") (replaceStrings [ "" "a" ] [ "-" "X" ] "aba")
  (replaceStrings [ "oo" "o" ] [ "a" (throw "not needed") ] "foo") (replaceStrings [ "ab" "a" ] [ "1" "2" ] "abaab") (replaceStrings [ ] [ ] "same")
  (replaceStrings [ "l" ] [ "L" ] "hello world") (replaceStrings [ "x" "" ] [ "y" "." ] "axb")
  (baseNameOf "/a/b/c") (baseNameOf "/a/b/") (baseNameOf "/") (baseNameOf "") (baseNameOf "a//") (baseNameOf ./in.nix) (baseNameOf "abc")
  (dirOf "/a/b/c") (dirOf "a") (dirOf "/a") (dirOf "a/b/") (dirOf "") (dirOf /.) (dirOf /a/b)
  (substring 0 3 { outPath = "set as string"; }) (stringLength { __toString = self: "four"; })
]
