/**
  A file from the network, named by its hash.

  # Type
  `{ url | urls, hash | sha256 | sha512, name ?, executable ? } -> derivation`

  # Example
  ```nix
  fetchurl { url = "mirror://debian/pool/main/h/hello/hello_2.10.orig.tar.gz"; sha256 = "31e066…"; }
  ```
*/
{
  url ? "",
  urls ? [ url ],
  hash ? "",
  sha256 ? "",
  sha512 ? "",
  name ? baseNameOf (builtins.head urls),
  executable ? false,
}:

let
  # A store name cannot hold everything that a file name can.
  clean = text: builtins.concatStringsSep "-" (builtins.filter builtins.isString (builtins.split "[^A-Za-z0-9+._?=-]+" text));
in
derivation {
  name = clean name;
  builder = "builtin:fetchurl";
  system = "builtin";
  url = builtins.head urls;
  inherit urls executable;
  unpack = false;
  outputHash = if hash != "" then hash else if sha512 != "" then sha512 else sha256;
  outputHashAlgo = if hash != "" then null else if sha512 != "" then "sha512" else "sha256";
  outputHashMode = if executable then "recursive" else "flat";
  preferLocalBuild = true;
}
