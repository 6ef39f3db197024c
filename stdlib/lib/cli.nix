/**
  Attribute sets as arguments of programs.
*/
{ lib }:
rec {
  /**
    A set as a list of arguments in the GNU style: `true` gives the option,
    `false` and `null` nothing, a list repeats it.

    Type: `toGNUCommandLine :: { mkOptionName ?, mkBool ?, mkList ?, mkOption ?, optionValueSeparator ? } -> AttrSet -> [String]`

    Example: `lib.cli.toGNUCommandLine { } { X = "PUT"; verbose = true; }` is `[ "-X" "PUT" "--verbose" ]`
  */
  toGNUCommandLine =
    {
      mkOptionName ? name: if builtins.stringLength name == 1 then "-${name}" else "--${name}",
      mkBool ? name: value: lib.optional value (mkOptionName name),
      mkList ? name: values: lib.concatMap (mkOption name) values,
      mkOption ?
        name: value:
        if value == null then
          [ ]
        else if optionValueSeparator == null then
          [
            (mkOptionName name)
            (lib.generators.mkValueStringDefault { } value)
          ]
        else
          [ "${mkOptionName name}${optionValueSeparator}${lib.generators.mkValueStringDefault { } value}" ],
      optionValueSeparator ? null,
    }:
    options:
    let
      render =
        name: value:
        if builtins.isBool value then
          mkBool name value
        else if builtins.isList value then
          mkList name value
        else
          mkOption name value;
    in
    lib.concatLists (lib.mapAttrsToList render options);

  /**
    `toGNUCommandLine` as one string for a shell.

    Type: `toGNUCommandLineShell :: AttrSet -> AttrSet -> String`

    Example: `lib.cli.toGNUCommandLineShell { } { data = "a b"; }` is `"--data 'a b'"`
  */
  toGNUCommandLineShell = format: options: lib.escapeShellArgs (toGNUCommandLine format options);

  /**
    A set as a list of arguments, the shape of each decided by a function of
    the option's name: `option` is how it is written, `sep` what stands before
    a value (`null` for an argument of its own), `explicitBool` whether
    booleans are values, `formatArg` how a value becomes a string.

    Type: `toCommandLine :: (String -> { option, sep, explicitBool, formatArg ? }) -> AttrSet -> [String]`

    Example: `lib.cli.toCommandLine (n: { option = "-${n}"; sep = "="; explicitBool = true; }) { v = true; }` is `[ "-v=true" ]`
  */
  toCommandLine =
    formatOption: options:
    let
      render =
        name: value:
        let
          format = formatOption name;
          formatArg = format.formatArg or (lib.generators.mkValueStringDefault { });
        in
        if builtins.isList value then
          lib.concatMap (render name) value
        else if value == null || (value == false && !format.explicitBool) then
          [ ]
        else if value == true && !format.explicitBool then
          [ format.option ]
        else if format.sep == null then
          [
            format.option
            (formatArg value)
          ]
        else
          [ "${format.option}${format.sep}${formatArg value}" ];
    in
    lib.concatLists (lib.mapAttrsToList render options);

  /**
    `toCommandLine` as one string for a shell.

    Type: `toCommandLineShell :: (String -> AttrSet) -> AttrSet -> String`

    Example: `lib.cli.toCommandLineShell (n: { option = "-${n}"; sep = "="; explicitBool = true; }) { v = "a b"; }` is `"'-v=a b'"`
  */
  toCommandLineShell = formatOption: options: lib.escapeShellArgs (toCommandLine formatOption options);

  /**
    `toCommandLine` in the GNU style: `-x` with the value joined to it,
    `--long=value`.

    Type: `toCommandLineGNU :: AttrSet -> AttrSet -> [String]`

    Example: `lib.cli.toCommandLineGNU { } { i = ".bak"; verbose = true; suite = "unit"; }` is `[ "-i.bak" "--suite=unit" "--verbose" ]`
  */
  toCommandLineGNU =
    {
      isLong ? name: builtins.stringLength name > 1,
      explicitBool ? false,
      formatArg ? lib.generators.mkValueStringDefault { },
    }:
    toCommandLine (name: {
      option = if isLong name then "--${name}" else "-${name}";
      sep = if isLong name then "=" else "";
      inherit explicitBool formatArg;
    });

  /**
    `toCommandLineGNU` as one string for a shell.

    Type: `toCommandLineShellGNU :: AttrSet -> AttrSet -> String`

    Example: `lib.cli.toCommandLineShellGNU { } { suite = "a b"; }` is `"'--suite=a b'"`
  */
  toCommandLineShellGNU = format: options: lib.escapeShellArgs (toCommandLineGNU format options);
}
