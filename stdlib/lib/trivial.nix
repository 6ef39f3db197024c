/**
  Small functions that every other file leans on: combinators, integers,
  warnings, function arguments and the version of this library.
*/
{ lib }:
let
  inherit (builtins)
    foldl'
    isAttrs
    isInt
    match
    stringLength
    substring
    ;

  hexDigits = "0123456789ABCDEF";
  hexValues = builtins.listToAttrs (
    builtins.genList (
      i:
      {
        name = substring i 1 "0123456789abcdef";
        value = i;
      }
    ) 16
    ++ builtins.genList (i: {
      name = substring (10 + i) 1 hexDigits;
      value = 10 + i;
    }) 6
  );
in
rec {
  inherit (builtins)
    add
    bitAnd
    bitOr
    bitXor
    ceil
    deepSeq
    div
    floor
    genericClosure
    isBool
    isFloat
    isInt
    lessThan
    mul
    pathExists
    readFile
    seq
    sub
    ;

  /**
    The value it is given.

    Type: `id :: a -> a`

    Example: `id 1` is `1`
  */
  id = x: x;

  /**
    A function that ignores its second argument.

    Type: `const :: a -> b -> a`

    Example: `const 5 "ignored"` is `5`
  */
  const = x: _: x;

  /**
    Push a value through a list of functions, first to last.

    Type: `pipe :: a -> [(a -> b)] -> c`

    Example: `pipe 2 [ (x: x + 2) (x: x * 2) ]` is `8`
  */
  pipe = foldl' (x: f: f x);

  /**
    Two lists, one after the other.

    Type: `concat :: [a] -> [a] -> [a]`

    Example: `concat [ 1 2 ] [ 3 ]` is `[ 1 2 3 ]`
  */
  concat = x: y: x ++ y;

  /**
    Logical disjunction as a function. `or` is an old keyword of the language,
    so it is reached as `lib.or` or `lib.trivial.or` only.

    Type: `or :: Bool -> Bool -> Bool`

    Example: `lib.or true false` is `true`
  */
  "or" = x: y: x || y;

  /**
    Logical conjunction as a function.

    Type: `and :: Bool -> Bool -> Bool`

    Example: `and true false` is `false`
  */
  and = x: y: x && y;

  /**
    True when exactly one argument is.

    Type: `xor :: Bool -> Bool -> Bool`

    Example: `xor true true` is `false`
  */
  xor = x: y: x != y;

  /**
    All bits of an integer inverted.

    Type: `bitNot :: Int -> Int`

    Example: `bitNot 0` is `-1`
  */
  bitNot = x: -1 - x;

  /**
    `"true"` or `"false"`, where `toString` would give `"1"` or nothing.

    Type: `boolToString :: Bool -> String`

    Example: `boolToString false` is `"false"`
  */
  boolToString = b: if b then "true" else "false";

  /**
    `"yes"` or `"no"`, as many configuration files want it.

    Type: `boolToYesNo :: Bool -> String`

    Example: `boolToYesNo true` is `"yes"`
  */
  boolToYesNo = b: if b then "yes" else "no";

  /**
    `//` as a function: the second set wins.

    Type: `mergeAttrs :: AttrSet -> AttrSet -> AttrSet`

    Example: `mergeAttrs { a = 1; b = 2; } { b = 3; }` is `{ a = 1; b = 3; }`
  */
  mergeAttrs = x: y: x // y;

  /**
    Swap the first two arguments of a function.

    Type: `flip :: (a -> b -> c) -> b -> a -> c`

    Example: `flip concat [ 1 ] [ 2 ]` is `[ 2 1 ]`
  */
  flip =
    f: x: y:
    f y x;

  /**
    Apply a function unless the value is `null`.

    Type: `mapNullable :: (a -> b) -> (a | Null) -> (b | Null)`

    Example: `mapNullable (x: x + 1) 22` is `23`
  */
  mapNullable = f: x: if x == null then null else f x;

  /**
    The second argument, or the first where that is `null`.

    Type: `defaultTo :: a -> (a | Null) -> a`

    Example: `defaultTo "none" null` is `"none"`
  */
  defaultTo = default: x: if x == null then default else x;

  /**
    The smaller of two comparable values.

    Type: `min :: Number -> Number -> Number`

    Example: `min 3 4` is `3`
  */
  min = x: y: if x < y then x else y;

  /**
    The larger of two comparable values.

    Type: `max :: Number -> Number -> Number`

    Example: `max 3 4` is `4`
  */
  max = x: y: if x > y then x else y;

  /**
    The remainder of an integer division; its sign is that of the dividend.

    Type: `mod :: Int -> Int -> Int`

    Example: `mod 11 10` is `1`
  */
  mod = dividend: divisor: dividend - divisor * (dividend / divisor);

  /**
    Order two values: negative, zero or positive as the first is less, equal
    or greater.

    Type: `compare :: a -> a -> Int`

    Example: `compare "a" "b"` is `-1`
  */
  compare =
    x: y:
    if x < y then
      -1
    else if x > y then
      1
    else
      0;

  /**
    Order values of two classes: those for which the predicate holds come
    first (compared by `yes`), the others after them (compared by `no`).

    Type: `splitByAndCompare :: (a -> Bool) -> (a -> a -> Int) -> (a -> a -> Int) -> a -> a -> Int`

    Example: `splitByAndCompare (lib.hasPrefix "f") compare compare "a" "foo"` is `1`
  */
  splitByAndCompare =
    belongs: yes: no: x: y:
    if belongs x then
      (if belongs y then yes x y else -1)
    else if belongs y then
      1
    else
      no x y;

  /**
    Read a JSON file.

    Type: `importJSON :: Path -> Any`
  */
  importJSON = file: builtins.fromJSON (readFile file);

  /**
    Read a TOML file.

    Type: `importTOML :: Path -> Any`
  */
  importTOML = file: fromTOML (readFile file);

  /**
    True inside `nix-shell`, which sets `IN_NIX_SHELL`.

    Type: `inNixShell :: Bool`
  */
  inNixShell = builtins.getEnv "IN_NIX_SHELL" != "";

  /**
    True when evaluation is pure, so that absolute paths cannot be read.

    Type: `inPureEvalMode :: Bool`
  */
  inPureEvalMode = !(builtins ? currentSystem);

  /**
    The release of nixpkgs whose library names and meanings are followed here.

    Type: `release :: String`
  */
  release = "26.05";

  /**
    The oldest release whose users should still find what they need.

    Type: `oldestSupportedRelease :: Int`
  */
  oldestSupportedRelease = 2511;

  /**
    True once no supported release is older than the one named.

    Type: `oldestSupportedReleaseIsAtLeast :: Int -> Bool`

    Example: `oldestSupportedReleaseIsAtLeast 2311` is `true`
  */
  oldestSupportedReleaseIsAtLeast = release: release <= oldestSupportedRelease;

  /**
    The former name of `oldestSupportedReleaseIsAtLeast`.

    Type: `isInOldestRelease :: Int -> Bool`

    Example: `lib.trivial.isInOldestRelease 2311` is `true`
  */
  isInOldestRelease = oldestSupportedReleaseIsAtLeast;

  /**
    What marks this library's version apart from the release it follows.

    Type: `versionSuffix :: String`
  */
  versionSuffix = ".firn";

  /**
    The release with its suffix.

    Type: `version :: String`
  */
  version = release + versionSuffix;

  /**
    The name that older code knows `version` by.

    Type: `nixpkgsVersion :: String`
  */
  nixpkgsVersion = version;

  /**
    A word for the release.

    Type: `codeName :: String`
  */
  codeName = "Firn";

  /**
    The source revision of the tree where one is recorded, otherwise the
    default.

    Type: `revisionWithDefault :: String -> String`

    Example: `lib.trivial.revisionWithDefault "unknown"` is `"unknown"`
  */
  revisionWithDefault =
    default:
    let
      recorded = ../.git-revision;
    in
    if pathExists recorded then builtins.head (match "([^\n]*)\n?" (readFile recorded)) else default;

  /**
    Write a message to stderr and go on with the second argument.

    Type: `info :: String -> a -> a`
  */
  info = msg: builtins.trace "INFO: ${msg}";

  /**
    Warn (or fail, where `abort-on-warn` is set) and go on with the second
    argument.

    Type: `warn :: String -> a -> a`
  */
  warn =
    builtins.warn or (
      msg: value:
      if builtins.elem (builtins.getEnv "NIX_ABORT_ON_WARN") [ "1" "true" "yes" ] then
        abort "NIX_ABORT_ON_WARN=true; warnings are treated as unrecoverable errors: ${msg}"
      else
        builtins.trace "evaluation warning: ${msg}" value
    );

  /**
    Warn when the condition holds.

    Type: `warnIf :: Bool -> String -> a -> a`
  */
  warnIf = cond: msg: if cond then warn msg else id;

  /**
    Warn when the condition does not hold.

    Type: `warnIfNot :: Bool -> String -> a -> a`
  */
  warnIfNot = cond: msg: if cond then id else warn msg;

  /**
    Fail with the message unless the condition holds.

    Type: `throwIfNot :: Bool -> String -> a -> a`

    Example: `throwIfNot true "never seen" 3` is `3`
  */
  throwIfNot = cond: msg: if cond then id else throw msg;

  /**
    Fail with the message when the condition holds.

    Type: `throwIf :: Bool -> String -> a -> a`

    Example: `throwIf false "never seen" 3` is `3`
  */
  throwIf = cond: msg: if cond then throw msg else id;

  /**
    Check that the items of a list are all among the allowed ones, then go on.

    Type: `checkListOfEnum :: String -> [a] -> [a] -> b -> b`

    Example: `checkListOfEnum "colours" [ "red" "blue" ] [ "red" ] 1` is `1`
  */
  checkListOfEnum =
    msg: valid: given:
    let
      unexpected = builtins.filter (x: !builtins.elem x valid) given;
    in
    throwIfNot (unexpected == [ ])
      "${msg}: ${lib.concatStringsSep ", " (map toString unexpected)} unexpected; valid ones: ${lib.concatStringsSep ", " (map toString valid)}";

  /**
    Give each of several warnings, first to last, then go on.

    Type: `showWarnings :: [String] -> a -> a`

    Example: `showWarnings [ ] 1` is `1`
  */
  showWarnings = warnings: value: lib.foldr warn value warnings;

  /**
    Record which arguments a function takes where the function itself does not
    tell, by wrapping it in a callable set.

    Type: `setFunctionArgs :: (a -> b) -> { ${name} :: Bool } -> AttrSet`

    Example: `functionArgs (setFunctionArgs (args: args.x) { x = false; })` is `{ x = false; }`
  */
  setFunctionArgs = f: args: {
    __functor = _: f;
    __functionArgs = args;
  };

  /**
    The named arguments of a function or callable set, each with whether it
    has a default.

    Type: `functionArgs :: (a -> b) -> { ${name} :: Bool }`

    Example: `functionArgs ({ a, b ? 1 }: a)` is `{ a = false; b = true; }`
  */
  functionArgs =
    f:
    if isAttrs f && f ? __functor then
      f.__functionArgs or (functionArgs (f.__functor f))
    else
      builtins.functionArgs f;

  /**
    True for functions and for callable sets.

    Type: `isFunction :: Any -> Bool`

    Example: `isFunction { __functor = self: x: x; }` is `true`
  */
  isFunction = f: builtins.isFunction f || (isAttrs f && f ? __functor && isFunction (f.__functor f));

  /**
    Give the second function the argument record of the first.

    Type: `mirrorFunctionArgs :: (a -> b) -> (a -> c) -> (a -> c)`

    Example: `functionArgs (mirrorFunctionArgs ({ a, b }: 1) (args: 2))` is `{ a = false; b = false; }`
  */
  mirrorFunctionArgs =
    f:
    let
      args = functionArgs f;
    in
    g: setFunctionArgs g args;

  /**
    A function as it is; anything else as a constant function.

    Type: `toFunction :: a -> (b -> c)`

    Example: `toFunction 1 "ignored"` is `1`
  */
  toFunction = v: if isFunction v then v else _: v;

  /**
    Parse hexadecimal digits of either case, with or without `0x` in front.

    Type: `fromHexString :: String -> Int`

    Example: `fromHexString "0xfF"` is `255`
  */
  fromHexString =
    text:
    let
      digits = match "(0[xX])?([0-9a-fA-F]+)" text;
      all = builtins.elemAt digits 1;
      significant = builtins.head (match "0*([^0].*|0)" all);
    in
    if digits == null then
      throw "lib.fromHexString: \"${text}\" is not a hexadecimal number"
    else if stringLength significant > 16 || (stringLength significant == 16 && significant >= "8") then
      throw "lib.fromHexString: \"${text}\" does not fit into an integer"
    else
      foldl' (acc: i: acc * 16 + hexValues.${substring i 1 significant}) 0 (
        builtins.genList id (stringLength significant)
      );

  /**
    An integer in upper-case hexadecimal digits.

    Type: `toHexString :: Int -> String`

    Example: `toHexString 250` is `"FA"`
  */
  toHexString = i: builtins.concatStringsSep "" (map (d: substring d 1 hexDigits) (toBaseDigits 16 i));

  /**
    The digits of a non-negative integer in a base, most significant first.

    Type: `toBaseDigits :: Int -> Int -> [Int]`

    Example: `toBaseDigits 2 6` is `[ 1 1 0 ]`
  */
  toBaseDigits =
    base: i:
    let
      go = n: tail: if n < base then [ n ] ++ tail else go (n / base) ([ (mod n base) ] ++ tail);
    in
    assert isInt base && base >= 2;
    assert isInt i && i >= 0;
    go i [ ];
}
