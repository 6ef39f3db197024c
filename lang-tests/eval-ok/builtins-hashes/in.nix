with builtins;
[
  (map (type: hashString type "abc") [ "md5" "sha1" "sha256" "sha512" ]) (hashString "sha256" "")
  (hashFile "sha256" ./data.txt == hashString "sha256" (readFile ./data.txt))
  (map (toHashFormat: convertHash { hash = hashString "sha256" "abc"; hashAlgo = "sha256"; inherit toHashFormat; }) [ "base16" "nix32" "base64" "sri" ])
  (convertHash { hash = "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0="; toHashFormat = "base16"; })
  (convertHash { hash = "md5:900150983cd24fb0d6963f7d28e17f72"; toHashFormat = "sri"; })
]
