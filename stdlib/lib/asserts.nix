/**
  Assertions with messages.
*/
{ lib }:
rec {
  /**
    True, or an error with the message: for use after `assert`.

    Type: `assertMsg :: Bool -> String -> Bool`

    Example: `assertMsg true "never seen"` is `true`
  */
  assertMsg = pred: msg: pred || throw msg;

  /**
    Assert that a value is one of a list.

    Type: `assertOneOf :: String -> a -> [a] -> Bool`

    Example: `assertOneOf "ssl" "openssl" [ "openssl" "libressl" ]` is `true`
  */
  assertOneOf =
    name: value: allowed:
    assertMsg (builtins.elem value allowed) "${name} must be one of ${
      lib.generators.toPretty { } allowed
    }, but is: ${lib.generators.toPretty { } value}";

  /**
    Assert that each of several values is one of a list.

    Type: `assertEachOneOf :: String -> [a] -> [a] -> Bool`

    Example: `lib.asserts.assertEachOneOf "ssl" [ "a" ] [ "a" "b" ]` is `true`
  */
  assertEachOneOf =
    name: values: allowed:
    assertMsg (lib.all (v: builtins.elem v allowed) values) "each element in ${name} must be one of ${
      lib.generators.toPretty { } allowed
    }, but is: ${lib.generators.toPretty { } values}";

  /**
    Fail with all messages of assertions (`{ assertion, message }`) that do
    not hold, or give the warnings and go on with the value.

    Type: `checkAssertWarn :: [{ assertion :: Bool; message :: String; }] -> [String] -> a -> a`

    Example: `lib.asserts.checkAssertWarn [ { assertion = true; message = "no"; } ] [ ] 1` is `1`
  */
  checkAssertWarn =
    assertions: warnings: value:
    let
      failed = map (a: a.message) (builtins.filter (a: !a.assertion) assertions);
    in
    if failed != [ ] then
      throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n" (m: "- ${m}") failed}"
    else
      lib.showWarnings warnings value;
}
