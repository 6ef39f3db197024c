/**
  Version strings taken apart.
*/
{ lib }:
rec {
  inherit (builtins) compareVersions splitVersion;

  /**
    The first component.

    Type: `major :: String -> String`

    Example: `lib.versions.major "1.2.3"` is `"1"`
  */
  major = v: builtins.elemAt (splitVersion v) 0;

  /**
    The second component.

    Type: `minor :: String -> String`

    Example: `lib.versions.minor "1.2.3"` is `"2"`
  */
  minor = v: builtins.elemAt (splitVersion v) 1;

  /**
    The third component.

    Type: `patch :: String -> String`

    Example: `lib.versions.patch "1.2.3"` is `"3"`
  */
  patch = v: builtins.elemAt (splitVersion v) 2;

  /**
    The first two components.

    Type: `majorMinor :: String -> String`

    Example: `lib.versions.majorMinor "1.2.3"` is `"1.2"`
  */
  majorMinor = v: lib.concatStringsSep "." (lib.take 2 (splitVersion v));

  /**
    Exactly so many components: cut, or filled with zeros; what follows a
    dash stays.

    Type: `pad :: Int -> String -> String`

    Example: `lib.versions.pad 3 "1.3-rc1"` is `"1.3.0-rc1"`
  */
  pad =
    n: version:
    let
      parts = builtins.match "([^-]*)(-.*)?" version;
      numbers = lib.splitString "." (builtins.head parts);
      suffix = builtins.elemAt parts 1;
    in
    lib.concatStringsSep "." (
      builtins.genList (
        i: if i < builtins.length numbers then builtins.elemAt numbers i else "0"
      ) n
    )
    + (if suffix == null then "" else suffix);
}
