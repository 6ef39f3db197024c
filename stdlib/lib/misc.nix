/**
  What fits nowhere else: hashes to fill in later, and helpers of older
  expressions.
*/
{ lib }:
rec {
  /**
    A hash that no file has, to be replaced by the one that the failing build
    shows.

    Type: `fakeHash :: String`
  */
  fakeHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

  /**
    `fakeHash` in hexadecimal.

    Type: `fakeSha256 :: String`
  */
  fakeSha256 = "0000000000000000000000000000000000000000000000000000000000000000";

  /**
    A SHA-512 that no file has.

    Type: `fakeSha512 :: String`
  */
  fakeSha512 = "${fakeSha256}${fakeSha256}";

  /**
    An attribute, or a default.

    Type: `maybeAttr :: String -> a -> AttrSet -> a`

    Example: `lib.misc.maybeAttr "a" 1 { }` is `1`
  */
  maybeAttr =
    name: default: set:
    set.${name} or default;

  /**
    `maybeAttr` that takes `null` for a set without it.

    Type: `maybeAttrNullable :: String -> a -> (AttrSet | Null) -> a`

    Example: `lib.misc.maybeAttrNullable "a" 1 null` is `1`
  */
  maybeAttrNullable =
    name: default: set:
    if set == null then default else maybeAttr name default set;

  /**
    An environment variable, or a default where it is empty.

    Type: `maybeEnv :: String -> String -> String`
  */
  maybeEnv =
    name: default:
    let
      value = builtins.getEnv name;
    in
    if value == "" then default else value;

  /**
    The value when the condition holds, otherwise an empty one of its type.

    Type: `ifEnable :: Bool -> a -> a`

    Example: `lib.misc.ifEnable false [ 1 ]` is `[ ]`
  */
  ifEnable =
    cond: value:
    if cond then
      value
    else if builtins.isList value then
      [ ]
    else if builtins.isAttrs value then
      { }
    else if builtins.isString value then
      ""
    else
      null;

  /**
    `mapAttrs` to name-value pairs of one value each: `nvs "a" 1` is a set.

    Type: `nvs :: String -> a -> AttrSet`

    Example: `lib.misc.nvs "a" 1` is `{ a = 1; }`
  */
  nvs = name: value: { ${name} = value; };

  /**
    A set with one attribute set.

    Type: `setAttr :: AttrSet -> String -> a -> AttrSet`

    Example: `lib.misc.setAttr { a = 1; } "b" 2` is `{ a = 1; b = 2; }`
  */
  setAttr =
    set: name: value:
    set // { ${name} = value; };

  /**
    The type of a value as a word.

    Type: `nixType :: Any -> String`

    Example: `lib.misc.nixType [ ]` is `"list"`
  */
  nixType = builtins.typeOf;

  /**
    All packages that some packages propagate to those that use them, with
    these.

    Type: `closePropagation :: [Derivation] -> [Derivation]`
  */
  closePropagation =
    packages:
    map (x: x.drv) (
      builtins.genericClosure {
        startSet = map (drv: {
          key = toString drv.outPath;
          inherit drv;
        }) (builtins.filter (drv: drv != null && drv ? outPath) packages);
        operator =
          x:
          map (drv: {
            key = toString drv.outPath;
            inherit drv;
          }) (
            builtins.filter (drv: drv != null && drv ? outPath) (
              x.drv.propagatedBuildInputs or [ ] ++ x.drv.propagatedNativeBuildInputs or [ ]
            )
          );
      }
    );
}
