/**
  Settings of a Linux kernel's configuration.
*/
{ lib }:
let
  tristate = value: {
    tristate = value;
    optional = false;
  };
in
{
  /**
    A setting that may be unknown to the kernel.

    Type: `option :: AttrSet -> AttrSet`

    Example: `(lib.kernel.option lib.kernel.yes).optional` is `true`
  */
  option = setting: setting // { optional = true; };

  /** Built in. */
  yes = tristate "y";

  /** Left out. */
  no = tristate "n";

  /** Built as a module. */
  module = tristate "m";

  /** As the kernel's own default has it. */
  unset = tristate null;

  /**
    A setting with a value of its own.

    Type: `freeform :: String -> AttrSet`

    Example: `(lib.kernel.freeform "8").freeform` is `"8"`
  */
  freeform = value: {
    freeform = value;
    optional = false;
  };

  /**
    Conditions on the kernel's version.

    Type: `whenHelpers :: String -> { whenAtLeast, whenOlder, whenBetween }`
  */
  whenHelpers = version: {
    whenAtLeast = v: lib.mkIf (lib.versionAtLeast version v);
    whenOlder = v: lib.mkIf (lib.versionOlder version v);
    whenBetween =
      from: to: lib.mkIf (lib.versionAtLeast version from && lib.versionOlder version to);
  };
}
