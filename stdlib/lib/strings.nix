/**
  Strings: joining, splitting, escaping for other languages, search paths,
  and conversions.
*/
{ lib }:
let
  inherit (builtins)
    genList
    map
    ;

  # The printable characters of ASCII in order, from the space on.
  printable = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";

  codes =
    builtins.listToAttrs (
      genList (i: {
        name = builtins.substring i 1 printable;
        value = 32 + i;
      }) 95
    )
    // {
      "\t" = 9;
      "\n" = 10;
      "\r" = 13;
    };

  keywords = [
    "assert"
    "else"
    "if"
    "in"
    "inherit"
    "let"
    "or"
    "rec"
    "then"
    "with"
  ];

  parseInt =
    name: original: digits:
    let
      value = builtins.fromJSON digits;
    in
    if builtins.isInt value then
      value
    else
      throw "${name}: Could not convert ${builtins.toJSON original} to int.";
in
rec {
  inherit (builtins)
    appendContext
    compareVersions
    concatStringsSep
    elem
    elemAt
    filter
    fromJSON
    genList
    head
    isAttrs
    isInt
    isList
    isPath
    isString
    match
    parseDrvName
    readFile
    replaceStrings
    split
    storeDir
    stringLength
    substring
    tail
    toJSON
    typeOf
    unsafeDiscardStringContext
    ;

  /**
    A list of strings as one.

    Type: `concatStrings :: [String] -> String`

    Example: `concatStrings [ "foo" "bar" ]` is `"foobar"`
  */
  concatStrings = concatStringsSep "";

  /**
    `concatStringsSep` by a shorter name.

    Type: `join :: String -> [String] -> String`

    Example: `join ", " [ "foo" "bar" ]` is `"foo, bar"`
  */
  join = concatStringsSep;

  /**
    Map to strings and concatenate.

    Type: `concatMapStrings :: (a -> String) -> [a] -> String`

    Example: `concatMapStrings (x: x + ";") [ "a" "b" ]` is `"a;b;"`
  */
  concatMapStrings = f: list: concatStrings (map f list);

  /**
    Map with indices from one and concatenate.

    Type: `concatImapStrings :: (Int -> a -> String) -> [a] -> String`

    Example: `concatImapStrings (i: x: "${toString i}${x}") [ "a" "b" ]` is `"1a2b"`
  */
  concatImapStrings = f: list: concatStrings (lib.imap1 f list);

  /**
    Map to strings and concatenate with a separator.

    Type: `concatMapStringsSep :: String -> (a -> String) -> [a] -> String`

    Example: `concatMapStringsSep "-" toUpper [ "a" "b" ]` is `"A-B"`
  */
  concatMapStringsSep = sep: f: list: concatStringsSep sep (map f list);

  /**
    Map with indices from one and concatenate with a separator.

    Type: `concatImapStringsSep :: String -> (Int -> a -> String) -> [a] -> String`

    Example: `concatImapStringsSep "-" (i: x: toString (x / i)) [ 6 6 6 ]` is `"6-3-2"`
  */
  concatImapStringsSep =
    sep: f: list:
    concatStringsSep sep (lib.imap1 f list);

  /**
    Map names and values to strings and concatenate with a separator.

    Type: `concatMapAttrsStringSep :: String -> (String -> a -> String) -> AttrSet -> String`

    Example: `concatMapAttrsStringSep "," (n: v: "${n}=${v}") { a = "1"; b = "2"; }` is `"a=1,b=2"`
  */
  concatMapAttrsStringSep =
    sep: f: set:
    concatStringsSep sep (lib.mapAttrsToList f set);

  /**
    Concatenate with a line end after each string.

    Type: `concatLines :: [String] -> String`

    Example: `concatLines [ "a" "b" ]` is `"a\nb\n"`
  */
  concatLines = concatMapStrings (line: line + "\n");

  /**
    Put a separator between the elements of a list.

    Type: `intersperse :: a -> [a] -> [a]`

    Example: `intersperse "/" [ "usr" "bin" ]` is `[ "usr" "/" "bin" ]`
  */
  intersperse =
    sep: list:
    let
      n = builtins.length list;
    in
    if n == 0 then
      [ ]
    else
      genList (i: if lib.mod i 2 == 0 then elemAt list (i / 2) else sep) (2 * n - 1);

  /**
    So many copies of a string.

    Type: `replicate :: Int -> String -> String`

    Example: `lib.strings.replicate 3 "v"` is `"vvv"`
  */
  replicate = n: s: concatStrings (genList (_: s) n);

  /**
    The string when the condition holds, otherwise the empty one.

    Type: `optionalString :: Bool -> String -> String`

    Example: `optionalString false "text"` is `""`
  */
  optionalString = cond: s: if cond then s else "";

  /**
    Whether a string begins with another.

    Type: `hasPrefix :: String -> String -> Bool`

    Example: `hasPrefix "foo" "foobar"` is `true`
  */
  hasPrefix = prefix: s: substring 0 (stringLength prefix) s == prefix;

  /**
    Whether a string ends with another.

    Type: `hasSuffix :: String -> String -> Bool`

    Example: `hasSuffix "bar" "foobar"` is `true`
  */
  hasSuffix =
    suffix: s:
    let
      n = stringLength s;
      m = stringLength suffix;
    in
    n >= m && substring (n - m) m s == suffix;

  /**
    Whether a string contains another.

    Type: `hasInfix :: String -> String -> Bool`

    Example: `hasInfix "ob" "foobar"` is `true`
  */
  hasInfix =
    infix: s:
    let
      text = unsafeDiscardStringContext "${s}";
    in
    replaceStrings [ infix ] [ "" ] text != text || infix == "";

  /**
    The string without a beginning, when it has it.

    Type: `removePrefix :: String -> String -> String`

    Example: `removePrefix "foo." "foo.bar"` is `"bar"`
  */
  removePrefix =
    prefix: s: if hasPrefix prefix s then substring (stringLength prefix) (-1) s else s;

  /**
    The string without an end, when it has it.

    Type: `removeSuffix :: String -> String -> String`

    Example: `removeSuffix ".nix" "a.nix"` is `"a"`
  */
  removeSuffix =
    suffix: s:
    if hasSuffix suffix s then substring 0 (stringLength s - stringLength suffix) s else s;

  /**
    Replace every occurrence of one string by another.

    Type: `replaceString :: String -> String -> String -> String`

    Example: `replaceString "." "_" "v1.2"` is `"v1_2"`
  */
  replaceString = from: to: replaceStrings [ from ] [ to ];

  /**
    The string without white space at the chosen ends.

    Type: `trimWith :: { start ? false :: Bool; end ? false :: Bool; } -> String -> String`

    Example: `trimWith { end = true; } " x "` is `" x"`
  */
  trimWith =
    {
      start ? false,
      end ? false,
    }:
    let
      pattern =
        if start && end then
          "[ \t\r\n]*(.*[^ \t\r\n])[ \t\r\n]*"
        else if start then
          "[ \t\r\n]*(.*)"
        else if end then
          "(.*[^ \t\r\n])[ \t\r\n]*"
        else
          "(.*)";
    in
    s:
    let
      kept = match pattern s;
    in
    # Only a string of nothing but white space fails to match.
    if kept == null then "" else head kept;

  /**
    The string without white space at its ends.

    Type: `trim :: String -> String`

    Example: `trim "  hello\n"` is `"hello"`
  */
  trim = trimWith {
    start = true;
    end = true;
  };

  /**
    The single characters (bytes) of a string.

    Type: `stringToCharacters :: String -> [String]`

    Example: `stringToCharacters "abc"` is `[ "a" "b" "c" ]`
  */
  stringToCharacters = s: genList (i: substring i 1 s) (stringLength s);

  /**
    Map the characters of a string to strings.

    Type: `stringAsChars :: (String -> String) -> String -> String`

    Example: `stringAsChars (c: if c == "a" then "i" else c) "nax"` is `"nix"`
  */
  stringAsChars = f: s: concatMapStrings f (stringToCharacters s);

  /**
    The code of an ASCII character.

    Type: `charToInt :: String -> Int`

    Example: `lib.strings.charToInt "A"` is `65`
  */
  charToInt = c: codes.${c};

  /**
    The lower-case letters.

    Type: `lowerChars :: [String]`
  */
  lowerChars = stringToCharacters "abcdefghijklmnopqrstuvwxyz";

  /**
    The upper-case letters.

    Type: `upperChars :: [String]`
  */
  upperChars = stringToCharacters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

  /**
    ASCII letters in lower case.

    Type: `toLower :: String -> String`

    Example: `toLower "HOME"` is `"home"`
  */
  toLower = replaceStrings upperChars lowerChars;

  /**
    ASCII letters in upper case.

    Type: `toUpper :: String -> String`

    Example: `toUpper "home"` is `"HOME"`
  */
  toUpper = replaceStrings lowerChars upperChars;

  /**
    First letter in upper case, the others in lower case.

    Type: `toSentenceCase :: String -> String`

    Example: `lib.strings.toSentenceCase "hELLO"` is `"Hello"`
  */
  toSentenceCase =
    s:
    lib.throwIfNot (isString s) "toSentenceCase does only accepts string values, but got ${typeOf s}" (
      toUpper (substring 0 1 s) + toLower (substring 1 (-1) s)
    );

  /**
    Words (separated by spaces, `-`, `_` or a change of case) run together,
    each but the first with a capital.

    Type: `toCamelCase :: String -> String`

    Example: `toCamelCase "hello-world"` is `"helloWorld"`
  */
  toCamelCase =
    s:
    let
      broken = concatMapStrings (part: if isList part then "${head part} ${elemAt part 1}" else part) (
        split "([a-z0-9])([A-Z])" s
      );
      words = filter (w: isString w && w != "") (split "[-_[:space:]]+" broken);
    in
    lib.throwIfNot (isString s) "toCamelCase does only accepts string values, but got ${typeOf s}" (
      concatStrings (lib.imap0 (i: w: if i == 0 then toLower w else toSentenceCase w) words)
    );

  /**
    Give a string the context of another as well.

    Type: `addContextFrom :: String -> String -> String`

    Example: `addContextFrom "a" "b"` is `"b"`
  */
  addContextFrom = source: target: substring 0 0 source + target;

  /**
    Split at a separator, which is no regular expression.

    Type: `splitString :: String -> String -> [String]`

    Example: `splitString "." "foo..bar"` is `[ "foo" "" "bar" ]`
  */
  splitString =
    sep: s:
    let
      parts = filter isString (
        split (escapeRegex (unsafeDiscardStringContext (toString sep))) (toString s)
      );
    in
    map (addContextFrom s) parts;

  /**
    Split before each character for which a predicate of the character before
    it (`""` at the start) and of itself holds; the character stays when the
    second argument says so.

    Type: `splitStringBy :: (String -> String -> Bool) -> Bool -> String -> [String]`

    Example: `splitStringBy (prev: curr: curr == ".") false "a.b"` is `[ "a" "b" ]`
  */
  splitStringBy =
    pred: keep: s:
    let
      n = stringLength s;
      char = i: substring i 1 s;
      cuts = filter (i: pred (if i == 0 then "" else char (i - 1)) (char i)) (genList (i: i) n);
      starts = [ 0 ] ++ map (i: if keep then i else i + 1) cuts;
      ends = cuts ++ [ n ];
    in
    lib.zipListsWith (from: to: substring from (to - from) s) starts ends;

  /**
    The number of characters that two strings have in common at the start.

    Type: `commonPrefixLength :: String -> String -> Int`

    Example: `lib.strings.commonPrefixLength "abcd" "abxy"` is `2`
  */
  commonPrefixLength =
    a: b:
    let
      n = lib.min (stringLength a) (stringLength b);
      from = i: if i < n && substring i 1 a == substring i 1 b then from (i + 1) else i;
    in
    from 0;

  /**
    The number of characters that two strings have in common at the end.

    Type: `commonSuffixLength :: String -> String -> Int`

    Example: `lib.strings.commonSuffixLength "abc" "xbc"` is `2`
  */
  commonSuffixLength =
    a: b:
    let
      la = stringLength a;
      lb = stringLength b;
      n = lib.min la lb;
      from =
        i: if i < n && substring (la - i - 1) 1 a == substring (lb - i - 1) 1 b then from (i + 1) else i;
    in
    from 0;

  /**
    The smallest number of insertions, deletions and replacements of single
    characters that make one string the other.

    Type: `levenshtein :: String -> String -> Int`

    Example: `lib.strings.levenshtein "kitten" "sitting"` is `3`
  */
  levenshtein =
    a: b:
    let
      lb = stringLength b;
      columns = genList (j: substring j 1 b) lb;
      # One row of the distance table from the row above it.
      row =
        above: char:
        builtins.foldl' (
          acc: j:
          let
            left = elemAt acc j;
            diagonal = elemAt above j;
            up = elemAt above (j + 1);
            cost = if elemAt columns j == char then diagonal else 1 + lib.min diagonal (lib.min left up);
          in
          builtins.seq cost (acc ++ [ cost ])
        ) [ (head above + 1) ] (genList (j: j) lb);
    in
    lib.last (builtins.foldl' row (genList (j: j) (lb + 1)) (stringToCharacters a));

  /**
    Whether the edit distance of two strings is at most a number; quicker
    than asking for the distance when they are far apart.

    Type: `levenshteinAtMost :: Int -> String -> String -> Bool`

    Example: `lib.strings.levenshteinAtMost 1 "foo" "fo"` is `true`
  */
  levenshteinAtMost =
    k: a: b:
    let
      la = stringLength a;
      lb = stringLength b;
      start = commonPrefixLength a b;
      restA = substring start (-1) a;
      restB = substring start (-1) b;
      end = commonSuffixLength restA restB;
      middleA = substring 0 (stringLength restA - end) restA;
      middleB = substring 0 (stringLength restB - end) restB;
      ma = stringLength middleA;
      mb = stringLength middleB;
    in
    if k < 0 || la - lb > k || lb - la > k then
      false
    else if lib.max ma mb <= k then
      true
    else if ma == 0 || mb == 0 then
      false
    else
      k > 1 && levenshtein middleA middleB <= k;

  /**
    Put a backslash before each of the given characters.

    Type: `escape :: [String] -> String -> String`

    Example: `escape [ "(" ")" ] "(foo)"` is `"\\(foo\\)"`
  */
  escape = chars: replaceStrings chars (map (c: "\\" + c) chars);

  /**
    The given characters as `\xNN`.

    Type: `escapeC :: [String] -> String -> String`

    Example: `lib.strings.escapeC [ " " ] "a b"` is `"a\\x20b"`
  */
  escapeC =
    chars:
    replaceStrings chars (
      map (c: "\\x" + fixedWidthString 2 "0" (toLower (lib.toHexString (charToInt c)))) chars
    );

  /**
    Percent-encode what is not unreserved in a URL.

    Type: `escapeURL :: String -> String`

    Example: `escapeURL "a/b c"` is `"a%2Fb%20c"`
  */
  escapeURL =
    let
      special = filter (c: match "[A-Za-z0-9._~-]" c == null) (builtins.attrNames codes);
    in
    replaceStrings special (map (c: "%" + fixedWidthString 2 "0" (lib.toHexString (charToInt c))) special);

  /**
    A string as one word of a POSIX shell, quoted only where it must be.

    Type: `escapeShellArg :: String -> String`

    Example: `escapeShellArg "a b"` is `"'a b'"`
  */
  escapeShellArg =
    arg:
    let
      s = toString arg;
    in
    if match "[[:alnum:],._+:@%/-]+" s == null then
      "'${replaceStrings [ "'" ] [ "'\\''" ] s}'"
    else
      s;

  /**
    Several words of a POSIX shell.

    Type: `escapeShellArgs :: [String] -> String`

    Example: `escapeShellArgs [ "one" "two three" ]` is `"one 'two three'"`
  */
  escapeShellArgs = concatMapStringsSep " " escapeShellArg;

  /**
    Whether a string can be the name of a shell variable.

    Type: `isValidPosixName :: String -> Bool`

    Example: `isValidPosixName "1x"` is `false`
  */
  isValidPosixName = name: match "[a-zA-Z_][a-zA-Z0-9_]*" name != null;

  /**
    The assignment of a value to a shell variable; lists become arrays and
    sets associative arrays of bash.

    Type: `toShellVar :: String -> (String | [String] | AttrSet) -> String`

    Example: `toShellVar "foo" "some string"` is `"foo='some string'"`
  */
  toShellVar =
    name: value:
    lib.throwIfNot (isValidPosixName name) "toShellVar: ${name} is not a valid shell variable name" (
      if isAttrs value && !isStringLike value then
        "declare -A ${name}=(${
          concatMapAttrsStringSep " " (n: v: "[${escapeShellArg n}]=${escapeShellArg v}") value
        })"
      else if isList value then
        "declare -a ${name}=(${escapeShellArgs value})"
      else
        "${name}=${escapeShellArg value}"
    );

  /**
    Assignments of all values of a set, one a line.

    Type: `toShellVars :: AttrSet -> String`

    Example: `toShellVars { a = 1; b = "x y"; }` is `"a=1\nb='x y'"`
  */
  toShellVars = concatMapAttrsStringSep "\n" toShellVar;

  /**
    A string as a literal of the Nix language.

    Type: `escapeNixString :: String -> String`

    Example: `lib.strings.escapeNixString "\${x}"` is `"\"\\\${x}\""`
  */
  escapeNixString = s: escape [ "$" ] (toJSON s);

  /**
    A string as an attribute name of the Nix language, quoted where it must
    be.

    Type: `escapeNixIdentifier :: String -> String`

    Example: `lib.strings.escapeNixIdentifier "0a"` is `"\"0a\""`
  */
  escapeNixIdentifier =
    s:
    if match "[a-zA-Z_][a-zA-Z0-9_'-]*" s != null && !elem s keywords then s else escapeNixString s;

  /**
    A string as a regular expression that matches just it.

    Type: `escapeRegex :: String -> String`

    Example: `escapeRegex "[^a-z]*"` is `"\\[\\^a-z]\\*"`
  */
  escapeRegex = escape (stringToCharacters "\\[{()^$?*+|.");

  /**
    A string as text or attribute value of XML.

    Type: `escapeXML :: String -> String`

    Example: `escapeXML "<a>"` is `"&lt;a&gt;"`
  */
  escapeXML =
    replaceStrings
      [
        "\""
        "'"
        "<"
        ">"
        "&"
      ]
      [
        "&quot;"
        "&apos;"
        "&lt;"
        "&gt;"
        "&amp;"
      ];

  /**
    Runs of slashes made one.

    Type: `normalizePath :: String -> String`

    Example: `lib.strings.normalizePath "/a//b///c/"` is `"/a/b/c/"`
  */
  normalizePath =
    s: addContextFrom s (concatStrings (map (p: if isList p then "/" else p) (split "/+" (toString s))));

  /**
    Directories of several packages joined by colons.

    Type: `makeSearchPath :: String -> [Package] -> String`

    Example: `makeSearchPath "bin" [ "/opt" "/usr" ]` is `"/opt/bin:/usr/bin"`
  */
  makeSearchPath =
    dir: paths: concatMapStringsSep ":" (p: "${p}/${dir}") (filter (p: p != null) paths);

  /**
    `makeSearchPath` over one output of each package.

    Type: `makeSearchPathOutput :: String -> String -> [Package] -> String`

    Example: `makeSearchPathOutput "dev" "include" [ { dev = "/d"; } ]` is `"/d/include"`
  */
  makeSearchPathOutput =
    output: dir: pkgs:
    makeSearchPath dir (map (lib.getOutput output) pkgs);

  /**
    A search path of libraries.

    Type: `makeLibraryPath :: [Package] -> String`

    Example: `makeLibraryPath [ "/usr" "/usr/local" ]` is `"/usr/lib:/usr/local/lib"`
  */
  makeLibraryPath = makeSearchPathOutput "lib" "lib";

  /**
    A search path of header files.

    Type: `makeIncludePath :: [Package] -> String`

    Example: `makeIncludePath [ "/usr" ]` is `"/usr/include"`
  */
  makeIncludePath = makeSearchPathOutput "dev" "include";

  /**
    A search path of programs.

    Type: `makeBinPath :: [Package] -> String`

    Example: `makeBinPath [ "/opt" "/usr" ]` is `"/opt/bin:/usr/bin"`
  */
  makeBinPath = makeSearchPathOutput "bin" "bin";

  /**
    The name of a package, or the name part of a string `name-version`.

    Type: `getName :: (String | Package) -> String`

    Example: `getName "youtube-dl-2016.01.01"` is `"youtube-dl"`
  */
  getName = x: if isString x then (parseDrvName x).name else x.pname or (parseDrvName x.name).name;

  /**
    The version of a package, or the version part of a string.

    Type: `getVersion :: (String | Package) -> String`

    Example: `getVersion "youtube-dl-2016.01.01"` is `"2016.01.01"`
  */
  getVersion =
    x: if isString x then (parseDrvName x).version else x.version or (parseDrvName x.name).version;

  /**
    The name of the file that a URL ends in, up to a separator.

    Type: `nameFromURL :: String -> String -> String`

    Example: `nameFromURL "mirror://gnu/hello/hello-2.10.tar.gz" "-"` is `"hello"`
  */
  nameFromURL =
    url: sep:
    let
      file = lib.last (splitString "/" url);
      name = head (splitString sep file);
    in
    assert name != file;
    name;

  /**
    Whether the second version is older than the first.

    Type: `versionOlder :: String -> String -> Bool`

    Example: `versionOlder "1.1" "1.2"` is `true`
  */
  versionOlder = v1: v2: compareVersions v2 v1 == 1;

  /**
    Whether the first version is the second or newer.

    Type: `versionAtLeast :: String -> String -> Bool`

    Example: `versionAtLeast "1.1" "1.1"` is `true`
  */
  versionAtLeast = v1: v2: !versionOlder v1 v2;

  /**
    A typed option for CMake.

    Type: `cmakeOptionType :: String -> String -> String -> String`

    Example: `cmakeOptionType "string" "ENGINE" "sdl2"` is `"-DENGINE:STRING=sdl2"`
  */
  cmakeOptionType =
    type: feature: value:
    let
      known = [
        "BOOL"
        "FILEPATH"
        "INTERNAL"
        "LIST"
        "PATH"
        "STRING"
      ];
    in
    assert elem (toUpper type) known;
    assert isString feature;
    assert isString value;
    "-D${feature}:${toUpper type}=${value}";

  /**
    A boolean option for CMake.

    Type: `cmakeBool :: String -> Bool -> String`

    Example: `cmakeBool "STATIC" false` is `"-DSTATIC:BOOL=FALSE"`
  */
  cmakeBool = feature: flag: cmakeOptionType "bool" feature (toUpper (lib.boolToString flag));

  /**
    A string option for CMake.

    Type: `cmakeFeature :: String -> String -> String`

    Example: `cmakeFeature "MODULES" "a"` is `"-DMODULES:STRING=a"`
  */
  cmakeFeature = cmakeOptionType "string";

  /**
    An option for Meson.

    Type: `mesonOption :: String -> String -> String`

    Example: `mesonOption "engine" "gl"` is `"-Dengine=gl"`
  */
  mesonOption =
    feature: value:
    assert isString feature;
    assert isString value;
    "-D${feature}=${value}";

  /**
    A boolean option for Meson.

    Type: `mesonBool :: String -> Bool -> String`

    Example: `mesonBool "static" false` is `"-Dstatic=false"`
  */
  mesonBool = feature: flag: mesonOption feature (lib.boolToString flag);

  /**
    A feature option for Meson.

    Type: `mesonEnable :: String -> Bool -> String`

    Example: `mesonEnable "docs" true` is `"-Ddocs=enabled"`
  */
  mesonEnable = feature: flag: mesonOption feature (if flag then "enabled" else "disabled");

  /**
    `--enable-x` or `--disable-x` for configure scripts.

    Type: `enableFeature :: Bool -> String -> String`

    Example: `enableFeature false "shared"` is `"--disable-shared"`
  */
  enableFeature =
    flag: feature:
    assert isString feature;
    "--${if flag then "enable" else "disable"}-${feature}";

  /**
    `--enable-x=value` or `--disable-x`.

    Type: `enableFeatureAs :: Bool -> String -> String -> String`

    Example: `enableFeatureAs true "shared" "foo"` is `"--enable-shared=foo"`
  */
  enableFeatureAs =
    flag: feature: value:
    enableFeature flag feature + optionalString flag "=${value}";

  /**
    `--with-x` or `--without-x`.

    Type: `withFeature :: Bool -> String -> String`

    Example: `withFeature false "shared"` is `"--without-shared"`
  */
  withFeature =
    flag: feature:
    assert isString feature;
    "--with${if flag then "" else "out"}-${feature}";

  /**
    `--with-x=value` or `--without-x`.

    Type: `withFeatureAs :: Bool -> String -> String -> String`

    Example: `withFeatureAs true "shared" "foo"` is `"--with-shared=foo"`
  */
  withFeatureAs =
    flag: feature: value:
    withFeature flag feature + optionalString flag "=${value}";

  /**
    A string filled at the front to a width.

    Type: `fixedWidthString :: Int -> String -> String -> String`

    Example: `fixedWidthString 5 "0" "15"` is `"00015"`
  */
  fixedWidthString =
    width: filler: s:
    let
      n = stringLength s;
      m = stringLength filler;
    in
    assert lib.assertMsg (n <= width)
      "fixedWidthString: requested string length (${toString width}) must not be shorter than actual length (${toString n})";
    if n == width then s else filler + fixedWidthString (width - m) filler s;

  /**
    A number filled with zeros to a width.

    Type: `fixedWidthNumber :: Int -> Int -> String`

    Example: `fixedWidthNumber 5 15` is `"00015"`
  */
  fixedWidthNumber = width: n: fixedWidthString width "0" (toString n);

  /**
    A float as a string, with a warning where that loses digits.

    Type: `floatToString :: Float -> String`

    Example: `lib.strings.floatToString 0.5` is `"0.500000"`
  */
  floatToString =
    float:
    let
      s = toString float;
    in
    lib.warnIf (fromJSON s != float) "Imprecise conversion from float to string ${s}" s;

  /**
    Whether `toString` takes a value.

    Type: `isConvertibleWithToString :: Any -> Bool`

    Example: `lib.strings.isConvertibleWithToString [ 1 "a" ]` is `true`
  */
  isConvertibleWithToString =
    x:
    elem (typeOf x) [
      "null"
      "int"
      "float"
      "bool"
    ]
    || isStringLike x
    || (isList x && lib.all isConvertibleWithToString x);

  /**
    Whether string interpolation takes a value.

    Type: `isStringLike :: Any -> Bool`

    Example: `isStringLike { outPath = "/x"; }` is `true`
  */
  isStringLike = x: isString x || isPath x || x ? outPath || x ? __toString;

  /**
    Whether a value stands for a store path itself, not for a file in one.

    Type: `isStorePath :: Any -> Bool`

    Example: `isStorePath "/something/else"` is `false`
  */
  isStorePath =
    x:
    isStringLike x
    && (
      let
        s = toString x;
      in
      substring 0 1 s == "/" && (dirOf s == storeDir || match "/[0-9a-z]{52}" s != null)
    );

  /**
    An integer from its decimal digits, with white space around them; a
    leading zero is refused, since others would read it as octal.

    Type: `toInt :: String -> Int`

    Example: `toInt " 1337 "` is `1337`
  */
  toInt =
    s:
    let
      plain = match "[[:space:]]*(-?[[:digit:]]+)[[:space:]]*" s;
      digits = head plain;
    in
    if plain == null then
      throw "toInt: Could not convert ${escapeNixString s} to int."
    else if match "-?0[[:digit:]]+" digits != null then
      throw "toInt: Ambiguity in interpretation of ${escapeNixString s} between octal and zero padded integer."
    else
      parseInt "toInt" s digits;

  /**
    `toInt` that takes leading zeros and reads them as decimal.

    Type: `toIntBase10 :: String -> Int`

    Example: `toIntBase10 "0042"` is `42`
  */
  toIntBase10 =
    s:
    let
      parts = match "[[:space:]]*(-?)0*([[:digit:]]+)[[:space:]]*" s;
    in
    if parts == null then
      throw "toIntBase10: Could not convert ${escapeNixString s} to int."
    else
      parseInt "toIntBase10" s (concatStrings parts);

  /**
    A file without its last line end.

    Type: `fileContents :: Path -> String`
  */
  fileContents = file: removeSuffix "\n" (readFile file);

  /**
    A string made fit for the name of a derivation.

    Type: `sanitizeDerivationName :: String -> String`

    Example: `lib.strings.sanitizeDerivationName "../hello.bar # foo"` is `"-hello.bar-foo"`
  */
  sanitizeDerivationName =
    s:
    let
      text = unsafeDiscardStringContext (toString s);
      undotted = head (match "\\.*(.*)" text);
      clean = concatMapStrings (part: if isList part then "-" else part) (
        split "[^[:alnum:]+._?=-]+" undotted
      );
      # Leave room for ".drv".
      short = substring (lib.max (stringLength clean - 207) 0) (-1) clean;
    in
    if stringLength text <= 207 && match "[[:alnum:]+_?=-][[:alnum:]+._?=-]*" text != null then
      text
    else if short == "" then
      "unknown"
    else
      short;
}
