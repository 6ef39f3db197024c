/**
  Path values and relative paths in strings ("subpaths"), handled without
  leaving anything to chance: a path value is never copied to the store here,
  and a subpath can never point upwards.
*/
{ lib }:
let
  inherit (builtins)
    concatStringsSep
    elemAt
    filter
    isPath
    isString
    length
    match
    split
    typeOf
    ;

  # Why a string is no subpath, or null.
  faultOf =
    value:
    if !isString value then
      "The given value is of type ${typeOf value}, but a string was expected"
    else if value == "" then
      "The given string is empty"
    else if builtins.substring 0 1 value == "/" then
      "The given string \"${value}\" starts with a `/`, representing an absolute path"
    else if match "(.*/)?\\.\\.(/.*)?" value != null then
      "The given string \"${value}\" contains a `..` component, which is not allowed in subpaths"
    else
      null;

  partsOf = text: filter (p: isString p && p != "" && p != ".") (split "/+" text);

  relative = parts: if parts == [ ] then "./." else "./${concatStringsSep "/" parts}";

  # A path as its filesystem root and the names from there.
  deconstruct =
    let
      go =
        names: path:
        if path == dirOf path then
          {
            root = path;
            inherit names;
          }
        else
          go ([ (baseNameOf path) ] ++ names) (dirOf path);
    in
    go [ ];

  startsWith = prefix: list: lib.take (length prefix) list == prefix;

  needPath =
    name: nth: value: result:
    if isPath value then
      result
    else
      throw "lib.path.${name}: The ${nth} argument is of type ${typeOf value}, but a path was expected";
in
rec {
  /**
    A path with a subpath below it.

    Type: `append :: Path -> String -> Path`

    Example: `lib.path.append /foo "bar//baz"` is `/foo/bar/baz`
  */
  append =
    path: sub:
    needPath "append" "first" path (
      let
        fault = faultOf sub;
      in
      if fault == null then
        path + ("/" + sub)
      else
        throw "lib.path.append: Second argument is not a valid subpath string:\n    ${fault}"
    );

  /**
    Whether the second path is the first or below it.

    Type: `hasPrefix :: Path -> Path -> Bool`

    Example: `lib.path.hasPrefix /foo /foo/bar` is `true`
  */
  hasPrefix =
    prefix:
    needPath "hasPrefix" "first" prefix (
      let
        a = deconstruct prefix;
      in
      path:
      needPath "hasPrefix" "second" path (
        let
          b = deconstruct path;
        in
        if a.root == b.root then
          startsWith a.names b.names
        else
          throw ''
            lib.path.hasPrefix: Filesystem roots must be the same for both paths, but paths with different roots were given:
                first argument: "${toString prefix}" with root "${toString a.root}"
                second argument: "${toString path}" with root "${toString b.root}"''
      )
    );

  /**
    The subpath from the first path to the second, which must be below it.

    Type: `removePrefix :: Path -> Path -> String`

    Example: `lib.path.removePrefix /foo /foo/bar/baz` is `"./bar/baz"`
  */
  removePrefix =
    prefix:
    needPath "removePrefix" "first" prefix (
      let
        a = deconstruct prefix;
      in
      path:
      needPath "removePrefix" "second" path (
        let
          b = deconstruct path;
        in
        if a.root != b.root then
          throw ''
            lib.path.removePrefix: Filesystem roots must be the same for both paths, but paths with different roots were given:
                first argument: "${toString prefix}" with root "${toString a.root}"
                second argument: "${toString path}" with root "${toString b.root}"''
        else if !startsWith a.names b.names then
          throw ''lib.path.removePrefix: The first path argument "${toString prefix}" is not a component-wise prefix of the second path argument "${toString path}".''
        else
          relative (lib.drop (length a.names) b.names)
      )
    );

  /**
    A path as its filesystem root and the subpath from there.

    Type: `splitRoot :: Path -> { root :: Path; subpath :: String; }`

    Example: `lib.path.splitRoot /foo/bar` is `{ root = /.; subpath = "./foo/bar"; }`
  */
  splitRoot =
    path:
    needPath "splitRoot" "first" path (
      let
        parts = deconstruct path;
      in
      {
        inherit (parts) root;
        subpath = relative parts.names;
      }
    );

  /**
    Whether a path is in the store, below a store path or one itself.

    Type: `hasStorePathPrefix :: Path -> Bool`

    Example: `lib.path.hasStorePathPrefix /foo` is `false`
  */
  hasStorePathPrefix =
    path:
    needPath "hasStorePathPrefix" "first" path (
      let
        store = (deconstruct (/. + builtins.storeDir)).names;
        inherit (deconstruct path) names;
        n = length store;
        name = elemAt names n;
      in
      (
        length names > n
        && startsWith store names
        && match "[0-9a-z]{32}-.+" name != null
      )
      # Content-addressed placeholders of derivations look like this.
      || (names != [ ] && match "[0-9a-z]{52}" (builtins.head names) != null)
    );

  /**
    Relative paths in strings.
  */
  subpath = {
    /**
      Whether a string is a subpath: not empty, not absolute, without `..`.

      Type: `isValid :: String -> Bool`

      Example: `lib.path.subpath.isValid "../x"` is `false`
    */
    isValid = value: faultOf value == null;

    /**
      Several subpaths as one.

      Type: `join :: [String] -> String`

      Example: `lib.path.subpath.join [ "a" "b//c" ]` is `"./a/b/c"`
    */
    join =
      list:
      relative (
        lib.concatLists (
          lib.imap0 (
            i: sub:
            let
              fault = faultOf sub;
            in
            if fault == null then
              partsOf sub
            else
              throw "lib.path.subpath.join: Element at index ${toString i} is not a valid subpath string:\n    ${fault}"
          ) list
        )
      );

    /**
      The names that a subpath consists of.

      Type: `components :: String -> [String]`

      Example: `lib.path.subpath.components "./a//b/"` is `[ "a" "b" ]`
    */
    components =
      sub:
      let
        fault = faultOf sub;
      in
      if fault == null then
        partsOf sub
      else
        throw "lib.path.subpath.components: Argument is not a valid subpath string:\n    ${fault}";

    /**
      A subpath in the one form that every other way of writing it has.

      Type: `normalise :: String -> String`

      Example: `lib.path.subpath.normalise "a/./b//"` is `"./a/b"`
    */
    normalise =
      sub:
      let
        fault = faultOf sub;
      in
      if fault == null then
        relative (partsOf sub)
      else
        throw "lib.path.subpath.normalise: Argument is not a valid subpath string:\n    ${fault}";
  };
}
