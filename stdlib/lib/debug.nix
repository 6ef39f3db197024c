/**
  Looking at values while they are evaluated, and testing pure functions.
*/
{ lib }:
let
  inherit (builtins)
    deepSeq
    isAttrs
    isList
    mapAttrs
    ;
in
rec {
  inherit (builtins)
    addErrorContext
    trace
    unsafeGetAttrPos
    ;

  /**
    Trace a message when the condition holds.

    Type: `traceIf :: Bool -> String -> a -> a`
  */
  traceIf = cond: msg: value: if cond then trace msg value else value;

  /**
    Trace what a function makes of a value, and return the value.

    Type: `traceValFn :: (a -> b) -> a -> a`
  */
  traceValFn = f: x: trace (f x) x;

  /**
    Trace a value and return it.

    Type: `traceVal :: a -> a`
  */
  traceVal = traceValFn lib.id;

  /**
    Force a value wholly, trace it, and go on with the second argument.

    Type: `traceSeq :: a -> b -> b`
  */
  traceSeq = x: y: trace (deepSeq x x) y;

  /**
    `traceSeq` down to a depth only; what is below is shown as `…`.

    Type: `traceSeqN :: Int -> a -> b -> b`
  */
  traceSeqN =
    depth: x: y:
    let
      cut =
        n: v:
        if isList v then
          if n == 0 then (if v == [ ] then v else "[…]") else map (cut (n - 1)) v
        else if isAttrs v then
          if n == 0 then
            (if v == { } then v else "{…}")
          else
            mapAttrs (name: value: if builtins.substring 0 2 name == "__" then value else cut (n - 1) value) v
        else
          v;
    in
    trace (lib.generators.toPretty { allowPrettyValues = true; } (cut depth x)) y;

  /**
    Force wholly, trace what a function makes of the value, and return it.

    Type: `traceValSeqFn :: (a -> b) -> a -> a`
  */
  traceValSeqFn = f: x: traceValFn f (deepSeq x x);

  /**
    Force wholly, trace and return a value.

    Type: `traceValSeq :: a -> a`
  */
  traceValSeq = traceValSeqFn lib.id;

  /**
    `traceValSeqFn` down to a depth.

    Type: `traceValSeqNFn :: (a -> b) -> Int -> a -> a`
  */
  traceValSeqNFn =
    f: depth: x:
    traceSeqN depth (f x) x;

  /**
    `traceValSeq` down to a depth.

    Type: `traceValSeqN :: Int -> a -> a`
  */
  traceValSeqN = traceValSeqNFn lib.id;

  /**
    Trace the argument and the result of a function, under a name, down to a
    depth.

    Type: `traceFnSeqN :: Int -> String -> (a -> b) -> a -> b`
  */
  traceFnSeqN =
    depth: name: f: x:
    let
      result = f x;
    in
    traceSeqN depth {
      fn = name;
      from = x;
      to = result;
    } result;

  /**
    The tests of a set (`{ expr, expected }` under names that begin with
    `test`) whose expression is not what was expected. An attribute `tests`
    names the ones to run.

    Type: `runTests :: AttrSet -> [{ name :: String; expected :: a; result :: a; }]`

    Example: `runTests { testSum = { expr = 1 + 1; expected = 3; }; }` is `[ { name = "testSum"; expected = 3; result = 2; } ]`
  */
  runTests =
    tests:
    let
      chosen = builtins.filter (
        name: name != "tests" && (lib.hasPrefix "test" name || builtins.elem name tests.tests or [ ])
      ) (builtins.attrNames tests);
      wanted = if tests ? tests then builtins.filter (n: builtins.elem n tests.tests) chosen else chosen;
      run =
        name:
        let
          test = tests.${name};
        in
        lib.optional (test.expr != test.expected) {
          inherit name;
          inherit (test) expected;
          result = test.expr;
        };
    in
    builtins.concatMap run wanted;

  /**
    A test (for `runTests`) that all values of a list are true.

    Type: `testAllTrue :: [Bool] -> { expr, expected }`

    Example: `testAllTrue [ true ]` is `{ expr = [ true ]; expected = [ true ]; }`
  */
  testAllTrue = expr: {
    inherit expr;
    expected = map (_: true) expr;
  };

  /**
    `null` when `runTests` found nothing, otherwise an error that shows every
    failure.

    Type: `throwTestFailures :: { failures :: [AttrSet]; description ? "tests"; } -> Null`

    Example: `lib.debug.throwTestFailures { failures = [ ]; }` is `null`
  */
  throwTestFailures =
    {
      failures,
      description ? "tests",
      ...
    }:
    let
      show = lib.generators.toPretty {
        allowPrettyValues = true;
      };
      one = failure: ''
        FAIL ${lib.strings.escapeNixIdentifier failure.name}

        Expected: ${show failure.expected}

        Result: ${show failure.result}
      '';
    in
    if failures == [ ] then
      null
    else
      throw "${toString (builtins.length failures)} ${description} failed:\n\n${
        lib.concatMapStringsSep "\n" one failures
      }";
}
