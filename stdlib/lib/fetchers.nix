/**
  What fetchers share: the variables they may read, and hashes in any form.
*/
{ lib }:
let
  algorithms = [
    "md5"
    "sha1"
    "sha256"
    "sha512"
  ];
in
rec {
  /**
    Variables of the environment that a fetcher may be given although they
    make it impure: what configures proxies and certificates.

    Type: `proxyImpureEnvVars :: [String]`
  */
  proxyImpureEnvVars = [
    "http_proxy"
    "https_proxy"
    "ftp_proxy"
    "all_proxy"
    "no_proxy"
    "HTTP_PROXY"
    "HTTPS_PROXY"
    "FTP_PROXY"
    "ALL_PROXY"
    "NO_PROXY"
    "NIX_SSL_CERT_FILE"
  ];

  /**
    A set with its hash (`hash`, `sha256`, …) as `outputHash` and
    `outputHashAlgo`.

    Type: `normalizeHash :: { hashTypes ? [ "sha256" ], required ? true } -> AttrSet -> AttrSet`

    Example: `lib.fetchers.normalizeHash { } { sha256 = "x"; a = 1; }` is `{ outputHash = "x"; outputHashAlgo = "sha256"; a = 1; }`
  */
  normalizeHash =
    {
      hashTypes ? [ "sha256" ],
      required ? true,
    }:
    set:
    let
      names = [ "hash" ] ++ hashTypes;
      given = builtins.filter (name: (set.${name} or null) != null) names;
      name = builtins.head given;
      value = set.${name};
      wrong = lib.findFirst (a: set ? ${a} && !builtins.elem a hashTypes) null algorithms;
      rest = removeAttrs set names;
      hash =
        if name == "hash" then
          {
            # An empty hash is for finding out the right one.
            outputHash = if value == "" then lib.fakeHash else value;
            outputHashAlgo = null;
          }
        else
          {
            outputHash =
              if value == "" then
                {
                  sha256 = lib.fakeSha256;
                  sha512 = lib.fakeSha512;
                  sha1 = lib.fixedWidthString 40 "0" "";
                  md5 = lib.fixedWidthString 32 "0" "";
                }
                .${name}
              else
                value;
            outputHashAlgo = name;
          };
    in
    if set ? outputHash && set ? outputHashAlgo && given == [ ] then
      set
    else if wrong != null && given == [ ] then
      throw "fetchers: ${wrong} is not among the hashes taken here: ${lib.concatStringsSep ", " names}"
    else if builtins.length given > 1 then
      throw "fetchers: more than one hash was given: ${lib.concatStringsSep ", " given}"
    else if given == [ ] then
      (if required then throw "fetchers: no hash was given; one of ${lib.concatStringsSep ", " names} is required" else set)
    else
      rest // hash;

  /**
    A function of `outputHash` and `outputHashAlgo` made into one that takes
    a hash in any form.

    Type: `withNormalizedHash :: { hashTypes ? } -> (AttrSet -> a) -> (AttrSet -> a)`
  */
  withNormalizedHash =
    {
      hashTypes ? [ "sha256" ],
    }:
    f:
    let
      args = lib.functionArgs f;
      optional = args.outputHash;
    in
    if !(args ? outputHash && args ? outputHashAlgo) then
      throw "fetchers: the function must take outputHash and outputHashAlgo"
    else
      lib.setFunctionArgs (
        set:
        f (
          normalizeHash {
            inherit hashTypes;
            required = !optional;
          } set
        )
      ) (removeAttrs args [ "outputHash" "outputHashAlgo" ] // { hash = optional; });
}
