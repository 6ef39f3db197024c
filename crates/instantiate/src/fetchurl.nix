# `import <nix/fetchurl.nix> { … }`: a file from the network, named by its hash, fetched by the builder itself. Needs no package
# set, so that a package set can begin with it. The attributes of the derivation are part of its hash.
{
  system ? "", # has no effect; callers of long ago pass it
  url,
  hash ? "", # with its algorithm: `sha256-…`

  md5 ? "",
  sha1 ? "",
  sha256 ? "",
  sha512 ? "",
  outputHash ? builtins.foldl' (found: candidate: if found != "" then found else candidate) "" [ hash sha512 sha1 md5 sha256 ],
  outputHashAlgo ?
    if hash != "" then ""
    else if sha512 != "" then "sha512"
    else if sha1 != "" then "sha1"
    else if md5 != "" then "md5"
    else "sha256",

  executable ? false,
  unpack ? false,
  name ? baseNameOf (toString url),
  impure ? false,
}:

let
  outputs = if impure then { __impure = true; } else { inherit outputHash outputHashAlgo; };
in
derivation (outputs // {
  inherit executable name unpack url;
  builder = "builtin:fetchurl";
  system = "builtin";
  outputHashMode = if executable || unpack then "recursive" else "flat";
  urls = [ url ];

  # Cheaper to fetch here than to ask another machine to.
  preferLocalBuild = true;
  # Fetching happens in the builder itself, so this does nothing; it is here because it is part of the hash.
  impureEnvVars = [ "http_proxy" "https_proxy" "ftp_proxy" "all_proxy" "no_proxy" ];
})
