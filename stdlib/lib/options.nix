/**
  Options: declaring them, merging their definitions, naming them in messages,
  and listing them for documentation.
*/
{ lib }:
let
  inherit (builtins)
    all
    any
    concatLists
    concatMap
    filter
    foldl'
    head
    isAttrs
    isBool
    isInt
    isList
    isString
    length
    map
    tail
    ;
  inherit (lib)
    concatMapStrings
    concatMapStringsSep
    concatStringsSep
    isFunction
    optionalAttrs
    ;

  # Names that stand for something rather than being an attribute name.
  isPlaceholder =
    part: part == "*" || builtins.match "<.*>|\\[definition [0-9]+-entry [0-9]+]" part != null;

  # What a declaration can have. A set pattern with defaults would do, but it
  # costs a value per default and option.
  declarationAttrs = [
    "apply"
    "default"
    "defaultText"
    "description"
    "example"
    "internal"
    "readOnly"
    "relatedPackages"
    "type"
    "visible"
  ];

  priorityHint = "Use `lib.mkForce value` or `lib.mkDefault value` to change the priority on any of these definitions.";
in
rec {
  /**
    A merge of definitions that leaves the value of a single one as it is,
    wherever the predicate of that value holds. The module system then takes
    the value without more ado.

    Type: `mergeDirectly :: (a -> Bool) -> ([String] -> [Definition] -> a) -> Merge`

    Example: `lib.options.mergeDirectly (_: true) (_: defs: length defs) [ ] [ { value = 1; } ]` is `1`
  */
  mergeDirectly = direct: merge: {
    __functor = _: merge;
    inherit direct;
  };

  /**
    The file of a module whose file is not known.

    Type: `unknownModule :: String`
  */
  unknownModule = "<unknown-file>";

  /**
    Whether a value is an option declaration.

    Type: `isOption :: Any -> Bool`

    Example: `isOption (mkOption { })` is `true`
  */
  isOption = lib.isType "option";

  /**
    Declare an option.

    - `default`: the value when nothing else defines it
    - `defaultText`: how documentation shows the default
    - `example`: a value for documentation
    - `description`: what it is for, in Markdown
    - `relatedPackages`: packages to name in documentation
    - `type`: what values are allowed and how definitions merge
    - `apply`: a function applied to the merged value
    - `internal`: left out of documentation
    - `visible`: `true`, `false`, `"shallow"` or `"transparent"`
    - `readOnly`: may be defined once only

    Type: `mkOption :: { default ?, defaultText ?, example ?, description ?, relatedPackages ?, type ?, apply ?, internal ?, visible ?, readOnly ? } -> Option`

    Example: `(mkOption { default = 1; }).default` is `1`
  */
  mkOption =
    decl:
    let
      unknown = removeAttrs decl declarationAttrs;
    in
    if unknown == { } then
      decl // { _type = "option"; }
    else
      throw "mkOption: unexpected argument '${head (builtins.attrNames unknown)}'; an option has ${concatStringsSep ", " declarationAttrs}";

  /**
    A boolean option, off by default, that says whether something is enabled.

    Type: `mkEnableOption :: String -> Option`

    Example: `(mkEnableOption "foo").description` is `"Whether to enable foo."`
  */
  mkEnableOption =
    name:
    mkOption {
      default = false;
      example = true;
      description = "Whether to enable ${name}.";
      type = lib.types.bool;
    };

  /**
    An option for a package, by default one of a package set. The default is
    a name, a path of names, or `null` for none.

    Type: `mkPackageOption :: Pkgs -> (String | [String]) -> { nullable ?, default ?, example ?, extraDescription ?, pkgsText ? } -> Option`

    Example: `(mkPackageOption { hello = "h"; } "hello" { }).defaultText` is `literalExpression "pkgs.hello"`
  */
  mkPackageOption =
    pkgs: name:
    {
      nullable ? false,
      default ? name,
      example ? null,
      extraDescription ? "",
      pkgsText ? "pkgs",
    }:
    let
      label = concatStringsSep "." (lib.toList name);
      path = lib.toList default;
      text = path: "${pkgsText}.${concatMapStringsSep "." lib.strings.escapeNixIdentifier path}";
    in
    mkOption (
      {
        type = (if nullable then lib.types.nullOr else lib.id) lib.types.package;
        description =
          "The ${label} package to use." + (if extraDescription == "" then "" else " " + extraDescription);
      }
      // (
        if default == null then
          optionalAttrs nullable { default = null; }
        else
          {
            default = lib.attrByPath path (throw "${concatStringsSep "." path} cannot be found in ${pkgsText}") pkgs;
            defaultText = literalExpression (text path);
          }
      )
      // optionalAttrs (example != null) {
        example = literalExpression (if isList example then text example else example);
      }
    );

  /**
    An option that swallows definitions for anything below it, so that a
    module works where the options it defines do not exist.

    Type: `mkSinkUndeclaredOptions :: AttrSet -> Option`

    Example: `(mkSinkUndeclaredOptions { }).internal` is `true`
  */
  mkSinkUndeclaredOptions =
    attrs:
    mkOption (
      {
        internal = true;
        visible = false;
        default = false;
        description = "Sink for option definitions.";
        type = lib.mkOptionType {
          name = "sink";
          check = _: true;
          merge = _: _: false;
        };
        apply = _: throw "Option value is not readable because the option is not declared.";
      }
      // attrs
    );

  /**
    Merge definitions as their values suggest: lists are concatenated, sets
    merged, booleans or-ed, strings concatenated, equal integers stay.

    Type: `mergeDefaultOption :: [String] -> [Definition] -> a`

    Example: `mergeDefaultOption [ ] [ { value = [ 1 ]; } { value = [ 2 ]; } ]` is `[ 1 2 ]`
  */
  mergeDefaultOption = mergeDirectly (_: true) (
    loc: defs:
    let
      values = getValues defs;
      first = head values;
    in
    if length values == 1 then
      first
    else if all isFunction values then
      x: mergeDefaultOption loc (map (f: { value = f x; }) values)
    else if all isList values then
      concatLists values
    else if all isAttrs values then
      foldl' lib.mergeAttrs { } values
    else if all isBool values then
      any lib.id values
    else if all isString values then
      lib.concatStrings values
    else if all isInt values && all (x: x == first) values then
      first
    else
      throw "Cannot merge definitions of `${showOption loc}'. Definition values:${showDefs defs}"
  );

  /**
    Take the only definition; several are an error.

    Type: `mergeOneOption :: [String] -> [Definition] -> a`

    Example: `mergeOneOption [ ] [ { value = 1; } ]` is `1`
  */
  mergeOneOption = mergeDirectly (_: true) (mergeUniqueOption { message = ""; });

  /**
    Take the only definition, with a message of one's own for several, and
    merge it as a type would.

    Type: `mergeUniqueOption :: { message :: String; merge ? } -> [String] -> [Definition] -> a`

    Example: `mergeUniqueOption { message = "one!"; } [ ] [ { value = 1; } ]` is `1`
  */
  mergeUniqueOption =
    {
      message,
      merge ? null,
    }:
    loc: defs:
    if length defs == 1 then
      (if merge == null then (head defs).value else merge loc defs)
    else
      throw "The option `${showOption loc}' is defined multiple times while it's expected to be unique.\n${message}\nDefinition values:${showDefs defs}\n${priorityHint}";

  /**
    Take definitions that are all equal.

    Type: `mergeEqualOption :: [String] -> [Definition] -> a`

    Example: `mergeEqualOption [ ] [ { value = 1; } { value = 1; } ]` is `1`
  */
  mergeEqualOption = mergeDirectly (_: true) (
    loc: defs:
    let
      first = head defs;
      same =
        def:
        def.value == first.value
        || throw "The option `${showOption loc}' has conflicting definition values:${
          showDefs [
            first
            def
          ]
        }\n${priorityHint}";
    in
    if defs == [ ] then
      abort "This case should never happen."
    else if all same (tail defs) then
      first.value
    else
      null
  );

  /**
    The values of definitions.

    Type: `getValues :: [{ value :: a; }] -> [a]`

    Example: `getValues [ { value = 1; } ]` is `[ 1 ]`
  */
  getValues = map (def: def.value);

  /**
    The files of definitions.

    Type: `getFiles :: [{ file :: String; }] -> [String]`

    Example: `getFiles [ { file = "a.nix"; } ]` is `[ "a.nix" ]`
  */
  getFiles = map (def: def.file);

  /**
    All options of a tree of options as documentation wants them, those inside
    submodules included.

    Type: `optionAttrSetToDocList :: AttrSet -> [AttrSet]`
  */
  optionAttrSetToDocList = optionAttrSetToDocList' [ ];

  /**
    `optionAttrSetToDocList` below a prefix.

    Type: `optionAttrSetToDocList' :: [String] -> AttrSet -> [AttrSet]`
  */
  optionAttrSetToDocList' =
    _prefix: options:
    concatMap (
      opt:
      let
        name = showOption opt.loc;
        visible = opt.visible or true;
        own = {
          loc = opt.loc;
          inherit name;
          description = opt.description or null;
          declarations = filter (file: file != unknownModule) opt.declarations;
          internal = opt.internal or false;
          visible = if isBool visible then visible else visible == "shallow";
          readOnly = opt.readOnly or false;
          type = opt.type.description or "unspecified";
        }
        // optionalAttrs (opt ? example) {
          example = builtins.addErrorContext "while evaluating the example of option `${name}`" (
            renderOptionValue opt.example
          );
        }
        // (
          if opt ? defaultText || opt ? default then
            {
              default = builtins.addErrorContext "while evaluating the ${
                if opt ? defaultText then "defaultText" else "default value"
              } of option `${name}`" (renderOptionValue (opt.defaultText or opt.default));
            }
          else
            optionalAttrs (opt ? type.emptyValue.value) {
              default = renderOptionValue opt.type.emptyValue.value;
            }
        )
        // optionalAttrs (opt ? relatedPackages && opt.relatedPackages != null) {
          inherit (opt) relatedPackages;
        };
        inner =
          let
            sub = opt.type.getSubOptions opt.loc;
          in
          if sub == { } then [ ] else optionAttrSetToDocList' opt.loc sub;
        goInside = visible == true || visible == "transparent";
      in
      # An option whose declaration cannot be shown alone is not shown at all.
      [ own ] ++ lib.optionals goInside inner
    ) (lib.collect isOption options);

  /**
    A value without what cannot be compared or printed: derivations become
    their names.

    Type: `scrubOptionValue :: Any -> Any`

    Example: `scrubOptionValue [ 1 ]` is `[ 1 ]`
  */
  scrubOptionValue =
    x:
    if lib.isDerivation x then
      {
        type = "derivation";
        drvPath = x.name;
        outPath = x.name;
        name = x.name;
      }
    else if isList x then
      map scrubOptionValue x
    else if isAttrs x then
      builtins.mapAttrs (_: scrubOptionValue) (removeAttrs x [ "_args" ])
    else
      x;

  /**
    A value as documentation shows it; text that is marked as such stays.

    Type: `renderOptionValue :: Any -> AttrSet`

    Example: `lib.options.renderOptionValue 1` is `literalExpression "1"`
  */
  renderOptionValue =
    v:
    if isAttrs v && v ? _type && v ? text then
      v
    else
      literalExpression (lib.generators.toPretty { multiline = true; allowPrettyValues = true; } v);

  /**
    A Nix expression for documentation to show as it is.

    Type: `literalExpression :: String -> AttrSet`

    Example: `(literalExpression "pkgs.x").text` is `"pkgs.x"`
  */
  literalExpression =
    text:
    if isString text then
      {
        _type = "literalExpression";
        inherit text;
      }
    else
      throw "literalExpression expects a string.";

  /**
    Code in another language for documentation to show as it is.

    Type: `literalCode :: String -> String -> AttrSet`
  */
  literalCode =
    language: text:
    literalMD "```${language}\n${text}\n```";

  /**
    Markdown for documentation to render.

    Type: `literalMD :: String -> AttrSet`

    Example: `(literalMD "*x*").text` is `"*x*"`
  */
  literalMD =
    text:
    if isString text then
      {
        _type = "literalMD";
        inherit text;
      }
    else
      throw "literalMD expects a string.";

  /**
    The path of an option as one would write it.

    Type: `showOption :: [String] -> String`

    Example: `showOption [ "foo" "<name>" "b c" ]` is `"foo.<name>.\"b c\""`
  */
  showOption = concatMapStringsSep "." (
    part: if isPlaceholder part then part else lib.strings.escapeNixIdentifier part
  );

  /**
    Files in words.

    Type: `showFiles :: [String] -> String`
  */
  showFiles = files: concatStringsSep " and " (map (file: "`${file}'") files);

  /**
    Definitions with their files, one a line, values cut after five lines.

    Type: `showDefs :: [Definition] -> String`
  */
  showDefs = concatMapStrings (
    def:
    let
      pretty = builtins.tryEval (
        let
          text = lib.generators.toPretty { allowPrettyValues = true; } (
            lib.generators.withRecursion {
              depthLimit = 10;
              throwOnDepthLimit = false;
            } def.value
          );
        in
        builtins.seq text text
      );
      lines = lib.splitString "\n" pretty.value;
      shown = if length lines > 5 then lib.take 5 lines ++ [ "..." ] else lines;
      value =
        if !pretty.success then
          ""
        else if length shown > 1 then
          ":\n    " + concatStringsSep "\n    " shown
        else
          ": " + head shown;
    in
    "\n- In `${def.file}'${value}"
  );

  /**
    An option with the places that define it, for messages.

    Type: `showOptionWithDefLocs :: Option -> String`
  */
  showOptionWithDefLocs = opt: ''
    ${showOption opt.loc}, with values defined in:
    ${concatMapStringsSep "\n" (file: "  - ${file}") opt.files}
  '';
}
