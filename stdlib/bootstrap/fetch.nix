/**
  A file named by its hash, fetched by the builder itself.

  The URL is data: `mirror://debian/…` is resolved when the file is fetched, from the machine's own configuration, so the
  derivation is the same everywhere and where the file came from does not matter.

  # Type
  `{ name, url, sha256 } -> derivation`
*/
{ name, url, sha256, executable ? false }:

derivation {
  inherit name url executable;
  urls = [ url ];
  builder = "builtin:fetchurl";
  system = "builtin";
  outputHash = sha256;
  outputHashAlgo = "sha256";
  outputHashMode = if executable then "recursive" else "flat";
  preferLocalBuild = true;
  unpack = false;
}
