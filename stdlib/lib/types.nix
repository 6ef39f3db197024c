/**
  Option types: what values an option takes, how its definitions merge, and
  how two declarations of one option combine.

  A type is a set made by `mkOptionType`. Its `merge` is either a function of
  a location and definitions, or a set with `v2`, which checks and merges in
  one go and tells more: `{ headError, value, valueMeta }`.
*/
{ lib }:
let
  inherit (builtins)
    all
    attrNames
    concatLists
    elem
    elemAt
    filter
    foldl'
    head
    isAttrs
    isBool
    isFloat
    isInt
    isList
    isPath
    isString
    length
    map
    mapAttrs
    storeDir
    typeOf
    zipAttrsWith
    ;
  inherit (lib)
    concatMapStringsSep
    concatStringsSep
    imap1
    isFunction
    isStringLike
    last
    mergeDefaultOption
    mergeEqualOption
    mergeOneOption
    mergeUniqueOption
    mkOption
    optional
    optionalAttrs
    showFiles
    showOption
    toList
    ;
  inherit (lib.options) mergeDirectly showDefs;
  inherit (lib.modules)
    evalModules
    mergeDefinitions
    setDefaultModuleLocation
    ;
  inherit (lib.properties) pushDownProperties;

  # Definitions whose value a check refuses, as an error of a merge, or null.
  headErrorOf =
    check: defs:
    let
      wrong = filter (def: !check def.value) defs;
    in
    if wrong == [ ] then null else { message = "Definition values:${showDefs wrong}"; };

  # A merge of the newer kind: callable as the older one too.
  mergeV2 = v2: {
    __functor =
      self: loc: defs:
      (self.v2 { inherit loc defs; }).value;
    inherit v2;
  };

  # Whether a value of a type merges to itself when it is alone.
  isDirect =
    type: value:
    !(isAttrs value && value ? _type) && type.merge ? direct && type.check value && type.merge.direct value;

  # What a type makes of definitions, in the newer form whatever its kind.
  checkedMerge =
    type: loc: defs:
    if isAttrs type.merge && type.merge ? v2 then
      let
        result = type.merge.v2 { inherit loc defs; };
      in
      if result.headError == null && headErrorOf type.check defs != null then
        throw ''
          The option `${showOption loc}' has a type `${type.description}' that uses an ad-hoc `type // { check = ...; }' override, which is incompatible with the way this type merges its definitions.
          Please use `lib.types.addCheck` instead of `type // { check }' to add custom validation.''
      else
        result
    else
      {
        headError = headErrorOf type.check defs;
        value = type.merge loc defs;
        valueMeta = { };
      };

  # The functor of a type that wraps one other.
  elemTypeFunctor =
    name: payload:
    lib.defaultFunctor name
    // {
      inherit payload;
      wrapped = payload.elemType;
      binOp =
        a: b:
        let
          merged = a.elemType.typeMerge b.elemType.functor;
        in
        if merged == null then null else a // { elemType = merged; };
    };

  headErrorText =
    loc: result:
    "The option `${showOption loc}': ${result.headError.message}";

  # What a type is where it says nothing else. Types with parameters are made
  # again and again, and come cheaper this way than through `mkOptionType`.
  typeDefaults = {
    _type = "option-type";
    descriptionClass = null;
    check = _: true;
    merge = mergeDefaultOption;
    emptyValue = { };
    getSubOptions = _: { };
    getSubModules = null;
    substSubModules = _: null;
    deprecationMessage = null;
    nestedTypes = { };
  };

  # A type that brings at least its name, description and functor.
  makeType =
    attrs: typeDefaults // { typeMerge = f: lib.defaultTypeMerge attrs.functor f; } // attrs;

  # Classes of descriptions that need no parentheses within another.
  isNoun = class: class == "noun";
  isNounOrComposite = class: class == "noun" || class == "composite";

  phrase = pred: optionDescriptionPhrase (class: _: pred class);

  optionDescriptionPhrase =
    pred: type:
    if pred (type.descriptionClass or null) type then type.description else "(${type.description})";

  show =
    v:
    if isString v then
      "\"${v}\""
    else if isInt v then
      toString v
    else if isBool v then
      lib.boolToString v
    else if v == null then
      "<null>"
    else
      "<${typeOf v}>";
in
rec {
  inherit optionDescriptionPhrase;

  /**
    Whether a value has a `_type`.

    Type: `isType :: String -> Any -> Bool`

    Example: `isType "option" (mkOption { })` is `true`
  */
  isType = type: x: x._type or "" == type;

  /**
    Give a set a `_type`.

    Type: `setType :: String -> AttrSet -> AttrSet`

    Example: `setType "x" { }` is `{ _type = "x"; }`
  */
  setType = type: set: set // { _type = type; };

  /**
    Whether a value is an option type.

    Type: `isOptionType :: Any -> Bool`

    Example: `isOptionType types.int` is `true`
  */
  isOptionType = isType "option-type";

  /**
    The functor of a type that has no parameters.

    Type: `defaultFunctor :: String -> AttrSet`

    Example: `(lib.defaultFunctor "int").name` is `"int"`
  */
  defaultFunctor = name: {
    inherit name;
    type = lib.types.${name} or null;
    wrapped = null;
    payload = null;
    binOp = _: _: null;
  };

  /**
    The merge of two types by their functors: equal names, and parameters
    that merge too.

    Type: `defaultTypeMerge :: Functor -> Functor -> (OptionType | Null)`
  */
  defaultTypeMerge =
    f: f':
    let
      wrapped = f.wrapped.typeMerge f'.wrapped.functor;
      payload = f.binOp f.payload f'.payload;
      both = attr: f.${attr} or null != null && f'.${attr} or null != null;
    in
    if f.name != f'.name then
      null
    else if both "payload" then
      (if payload == null then null else f.type payload)
    else if both "wrapped" then
      (if wrapped == null then null else f.type wrapped)
    else
      f.type;

  /**
    Make an option type.

    - `name`: an identifier
    - `description`, `descriptionClass`: how documentation calls it
    - `check`: whether a value belongs, looking at its outside only
    - `merge`: location and definitions to a value
    - `emptyValue`: `{ value }` when nothing defined means something
    - `getSubOptions`, `getSubModules`, `substSubModules`: the options inside
    - `typeMerge`, `functor`: how two declarations combine
    - `nestedTypes`: the types it is made of
    - `deprecationMessage`: why not to use it

    Type: `mkOptionType :: { name, … } -> OptionType`

    Example: `(mkOptionType { name = "t"; }).description` is `"t"`
  */
  mkOptionType =
    {
      name,
      description ? name,
      descriptionClass ? null,
      check ? _: true,
      merge ? mergeDefaultOption,
      emptyValue ? { },
      getSubOptions ? _: { },
      getSubModules ? null,
      substSubModules ? _: null,
      functor ? defaultFunctor name,
      typeMerge ? defaultTypeMerge functor,
      deprecationMessage ? null,
      nestedTypes ? { },
    }:
    {
      _type = "option-type";
      description = if description == null then name else description;
      inherit
        name
        descriptionClass
        check
        merge
        emptyValue
        getSubOptions
        getSubModules
        substSubModules
        typeMerge
        functor
        deprecationMessage
        nestedTypes
        ;
    };

  /**
    Everything that is reached as `lib.types`.

    Type: `types :: { ${name} :: OptionType | (… -> OptionType) }`
  */
  types = rec {
    inherit
      defaultFunctor
      defaultTypeMerge
      isOptionType
      isType
      mkOptionType
      optionDescriptionPhrase
      setType
      ;

    /**
      One type for two declarations, or a value of type `merge-error`.

      Type: `mergeTypes :: OptionType -> OptionType -> OptionType`

      Example: `(types.mergeTypes types.str types.str).name` is `"str"`
    */
    mergeTypes =
      a: b:
      assert isOptionType a && isOptionType b;
      let
        merged = a.typeMerge b.functor;
      in
      if merged == null then
        setType "merge-error" { error = "Cannot merge types ${a.name} and ${b.name}"; }
      else
        merged;

    /**
      A value that is not looked at; a single definition.

      Example: `types.raw.check 1` is `true`
    */
    raw = mkOptionType {
      name = "raw";
      description = "raw value";
      descriptionClass = "noun";
      check = _: true;
      merge = mergeOneOption;
    };

    /**
      The type of options that give none.

      Example: `types.unspecified.name` is `"unspecified"`
    */
    unspecified = mkOptionType {
      name = "unspecified";
      description = "unspecified value";
      descriptionClass = "noun";
    };

    /**
      Any value: sets merge recursively, functions by their results, anything
      else must be equal.

      Example: `types.anything.check 1` is `true`
    */
    anything = mkOptionType {
      name = "anything";
      description = "anything";
      descriptionClass = "noun";
      check = _: true;
      merge =
        loc: defs:
        let
          kindOf =
            value:
            if isAttrs value && isStringLike value then
              "string-like set"
            else if isAttrs value && isFunction value then
              "lambda"
            else
              typeOf value;
          kind = foldl' (
            found: def:
            if found == kindOf def.value then
              found
            else
              throw "The option `${showOption loc}' has conflicting option types in ${
                showFiles (lib.getFiles defs)
              }"
          ) (kindOf (head defs).value) defs;
        in
        if kind == "set" then
          (attrsOf anything).merge loc defs
        else if kind == "lambda" then
          if length defs == 1 then
            (head defs).value
          else
            x:
            anything.merge (loc ++ [ "<function body>" ]) (
              map (def: {
                inherit (def) file;
                value = def.value x;
              }) defs
            )
        else
          mergeEqualOption loc defs;
    };

    /**
      A boolean.

      Example: `types.bool.check 1` is `false`
    */
    bool = mkOptionType {
      name = "bool";
      description = "boolean";
      descriptionClass = "noun";
      check = isBool;
      merge = mergeEqualOption;
    };

    /**
      A boolean that is true when any definition is.

      Example: `types.boolByOr.merge [ ] [ { value = false; } { value = true; } ]` is `true`
    */
    boolByOr = mkOptionType {
      name = "boolByOr";
      description = "boolean (merged using or)";
      descriptionClass = "noun";
      check = isBool;
      merge = mergeDirectly (_: true) (_: foldl' (acc: def: acc || def.value) false);
    };

    /**
      An integer.

      Example: `types.int.check 1` is `true`
    */
    int = mkOptionType {
      name = "int";
      description = "signed integer";
      descriptionClass = "noun";
      check = isInt;
      merge = mergeEqualOption;
    };

    /**
      Integers of a range: `between`, `unsigned`, `positive`, `u8` … `s32`.

      Example: `types.ints.u8.check 256` is `false`
    */
    ints =
      let
        ranged =
          lowest: highest: name: description:
          addCheck int (x: x >= lowest && x <= highest)
          // {
            inherit name description;
          };
        unsignedBits =
          bits: highest:
          ranged 0 highest "unsignedInt${toString bits}"
            "${toString bits} bit unsigned integer; between 0 and ${toString highest} (both inclusive)";
        signedBits =
          bits: half:
          ranged (0 - half) (half - 1) "signedInt${toString bits}"
            "${toString bits} bit signed integer; between ${toString (0 - half)} and ${toString (half - 1)} (both inclusive)";
      in
      {
        between =
          lowest: highest:
          assert lib.assertMsg (lowest <= highest) "ints.between: lowest must be smaller than highest";
          ranged lowest highest "intBetween"
            "integer between ${toString lowest} and ${toString highest} (both inclusive)";
        unsigned = addCheck int (x: x >= 0) // {
          name = "unsignedInt";
          description = "unsigned integer, meaning >=0";
          descriptionClass = "nonRestrictiveClause";
        };
        positive = addCheck int (x: x > 0) // {
          name = "positiveInt";
          description = "positive integer, meaning >0";
          descriptionClass = "nonRestrictiveClause";
        };
        u8 = unsignedBits 8 255;
        u16 = unsignedBits 16 65535;
        u32 = unsignedBits 32 4294967295;
        s8 = signedBits 8 128;
        s16 = signedBits 16 32768;
        s32 = signedBits 32 2147483648;
      };

    /**
      A TCP or UDP port.

      Example: `types.port.check 70000` is `false`
    */
    port = ints.u16;

    /**
      A floating point number.

      Example: `types.float.check 1.5` is `true`
    */
    float = mkOptionType {
      name = "float";
      description = "floating point number";
      descriptionClass = "noun";
      check = isFloat;
      merge = mergeEqualOption;
    };

    /**
      An integer or a floating point number.

      Example: `types.number.check 1` is `true`
    */
    number = either int float;

    /**
      Numbers of a range: `between`, `nonnegative`, `positive`.

      Example: `types.numbers.positive.check 0` is `false`
    */
    numbers = {
      between =
        lowest: highest:
        assert lib.assertMsg (lowest <= highest) "numbers.between: lowest must be smaller than highest";
        addCheck number (x: x >= lowest && x <= highest)
        // {
          name = "numberBetween";
          description = "integer or floating point number between ${toString lowest} and ${toString highest} (both inclusive)";
        };
      nonnegative = addCheck number (x: x >= 0) // {
        name = "numberNonnegative";
        description = "nonnegative integer or floating point number, meaning >=0";
        descriptionClass = "nonRestrictiveClause";
      };
      positive = addCheck number (x: x > 0) // {
        name = "numberPositive";
        description = "positive integer or floating point number, meaning >0";
        descriptionClass = "nonRestrictiveClause";
      };
    };

    /**
      A string; definitions must be equal.

      Example: `types.str.check "x"` is `true`
    */
    str = mkOptionType {
      name = "str";
      description = "string";
      descriptionClass = "noun";
      check = isString;
      merge = mergeEqualOption;
    };

    /**
      A string that is not empty and not only white space.

      Example: `types.nonEmptyStr.check " "` is `false`
    */
    nonEmptyStr = mkOptionType {
      name = "nonEmptyStr";
      description = "non-empty string";
      descriptionClass = "noun";
      check = x: isString x && builtins.match "[ \t\n]*" x == null;
      merge = mergeEqualOption;
    };

    /**
      A string of one line; a line end after it is taken off.

      Example: `types.singleLineStr.check "a\nb"` is `false`
    */
    singleLineStr =
      let
        inner = strMatching "[^\n\r]*\n?";
      in
      mkOptionType {
        name = "singleLineStr";
        description = "(optionally newline-terminated) single-line string";
        descriptionClass = "noun";
        inherit (inner) check;
        merge = loc: defs: lib.removeSuffix "\n" (inner.merge loc defs);
      };

    /**
      A string that a regular expression matches.

      Example: `(types.strMatching "[a-z]+").check "A"` is `false`
    */
    strMatching =
      pattern:
      makeType {
        name = "strMatching ${lib.strings.escapeNixString pattern}";
        description = "string matching the pattern ${pattern}";
        descriptionClass = "noun";
        check = x: isString x && builtins.match pattern x != null;
        merge = mergeEqualOption;
        functor = defaultFunctor "strMatching" // {
          type = payload: strMatching payload.pattern;
          payload = { inherit pattern; };
          binOp = a: b: if a == b then a else null;
        };
      };

    /**
      Strings joined by a separator.

      Example: `(types.separatedString ":").merge [ ] [ { value = "a"; } { value = "b"; } ]` is `"a:b"`
    */
    separatedString =
      sep:
      makeType {
        name = "separatedString";
        description = "strings concatenated with ${builtins.toJSON sep}";
        descriptionClass = "noun";
        check = isString;
        merge = mergeDirectly (_: true) (_: defs: concatStringsSep sep (lib.getValues defs));
        functor = defaultFunctor "separatedString" // {
          payload = { inherit sep; };
          type = payload: separatedString payload.sep;
          binOp = a: b: if a.sep == b.sep then { inherit (a) sep; } else null;
        };
      };

    /**
      Lines of text.

      Example: `types.lines.merge [ ] [ { value = "a"; } { value = "b"; } ]` is `"a\nb"`
    */
    lines = separatedString "\n";

    /**
      Parts joined by commas.

      Example: `types.commas.merge [ ] [ { value = "a"; } { value = "b"; } ]` is `"a,b"`
    */
    commas = separatedString ",";

    /**
      Parts joined by colons, as in search paths.

      Example: `types.envVar.merge [ ] [ { value = "a"; } { value = "b"; } ]` is `"a:b"`
    */
    envVar = separatedString ":";

    /**
      A field of a line of `/etc/passwd`: no colons, no line ends.

      Example: `(types.passwdEntry types.str).check "a:b"` is `false`
    */
    passwdEntry =
      entry:
      addCheck entry (x: !(lib.hasInfix ":" x || lib.hasInfix "\n" x))
      // {
        name = "passwdEntry ${entry.name}";
        description = "${phrase isNoun entry}, not containing newlines or colons";
        descriptionClass = "nonRestrictiveClause";
      };

    /**
      A set, merged at its outermost level only; `attrsOf` is better.

      Example: `types.attrs.check { }` is `true`
    */
    attrs = mkOptionType {
      name = "attrs";
      description = "attribute set";
      descriptionClass = "noun";
      check = isAttrs;
      merge = mergeDirectly (_: true) (_: foldl' (acc: def: acc // def.value) { });
      emptyValue.value = { };
    };

    /**
      A derivation, or a store path taken for one.

      Example: `types.package.check { type = "derivation"; }` is `true`
    */
    package = mkOptionType {
      name = "package";
      description = "package";
      descriptionClass = "noun";
      check = x: lib.isDerivation x || lib.isStorePath x;
      merge =
        loc: defs:
        let
          value = mergeOneOption loc defs;
        in
        if isPath value || (isString value && !builtins.hasContext value) then lib.toDerivation value else value;
    };

    /**
      A package that can be a login shell.

      Example: `types.shellPackage.check { type = "derivation"; shellPath = "/bin/sh"; }` is `true`
    */
    shellPackage = package // {
      check = x: lib.isDerivation x && x ? shellPath;
    };

    /**
      A package set.

      Example: `types.pkgs.check { _type = "pkgs"; }` is `true`
    */
    pkgs = addCheck (
      unique { message = "A Nixpkgs pkgs set can not be merged with another pkgs set."; } attrs
      // {
        name = "pkgs";
        descriptionClass = "noun";
        description = "Nixpkgs package set";
      }
    ) (x: x._type or null == "pkgs");

    /**
      A path, as a path value or a string: absolute, relative or either; in
      the store, outside of it or either.

      Type: `pathWith :: { absolute ? null, inStore ? null } -> OptionType`

      Example: `(types.pathWith { absolute = true; }).check "a/b"` is `false`
    */
    pathWith =
      {
        inStore ? null,
        absolute ? null,
      }:
      if inStore == true && absolute == false then
        throw "In pathWith, inStore means the path must be absolute"
      else
        makeType {
          name = "path";
          description =
            (if absolute == null then "" else if absolute then "absolute " else "relative ")
            + "path"
            + (if inStore == null then "" else if inStore then " in the Nix store" else " not in the Nix store");
          descriptionClass = "noun";
          merge = mergeEqualOption;
          functor = defaultFunctor "path" // {
            type = pathWith;
            payload = { inherit inStore absolute; };
            binOp = a: b: if a == b then a else null;
          };
          check =
            x:
            let
              text = toString x;
              isInStore = builtins.match "${lib.escapeRegex storeDir}/[^.].*" text != null;
              isAbsolute = builtins.substring 0 1 text == "/";
            in
            isStringLike x
            && (inStore == null || inStore == (if isPath x then isInStore || builtins.hasContext "${x}" else isInStore))
            && (absolute == null || absolute == isAbsolute);
        };

    /**
      An absolute path.

      Example: `types.path.check "/a"` is `true`
    */
    path = pathWith { absolute = true; };

    /**
      A path in the store.

      Example: `types.pathInStore.check "/foo/bar"` is `false`
    */
    pathInStore = pathWith { inStore = true; };

    /**
      An absolute path outside of the store, as a string.

      Example: `types.externalPath.check "/foo/bar"` is `true`
    */
    externalPath = pathWith {
      absolute = true;
      inStore = false;
    };

    /**
      A file set, or a path that becomes one.

      Example: `types.fileset.check 1` is `false`
    */
    fileset = mkOptionType {
      name = "fileset";
      description = "fileset";
      descriptionClass = "noun";
      check = x: lib.fileset.isFileset x;
      merge = _: defs: lib.fileset.unions (lib.getValues defs);
      emptyValue.value = lib.fileset.empty;
    };

    /**
      A list; definitions are concatenated.

      Type: `listOf :: OptionType -> OptionType`

      Example: `(types.listOf types.int).check [ ]` is `true`
    */
    listOf =
      elemType:
      makeType rec {
        name = "listOf";
        description = "list of ${phrase isNounOrComposite elemType}";
        descriptionClass = "composite";
        check = isList;
        merge = {
          direct = all (isDirect elemType);
        }
        // mergeV2 (
          { loc, defs }:
          let
            merged = concatLists (
              imap1 (
                n: def:
                imap1 (
                  m: value:
                  mergeDefinitions (loc ++ [ "[definition ${toString n}-entry ${toString m}]" ]) elemType [
                    {
                      inherit (def) file;
                      inherit value;
                    }
                  ]
                ) def.value
              ) defs
            );
            present = filter (m: m.isDefined) merged;
          in
          {
            headError = headErrorOf isList defs;
            value = map (m: m.optionalValue.value) present;
            valueMeta.list = map (m: m.valueMeta) present;
          }
        );
        emptyValue.value = [ ];
        getSubOptions = prefix: elemType.getSubOptions (prefix ++ [ "*" ]);
        getSubModules = elemType.getSubModules;
        substSubModules = m: listOf (elemType.substSubModules m);
        functor = elemTypeFunctor name { inherit elemType; } // {
          type = payload: listOf payload.elemType;
        };
        nestedTypes.elemType = elemType;
      };

    /**
      A list that is not empty.

      Example: `(types.nonEmptyListOf types.int).check [ ]` is `false`
    */
    nonEmptyListOf =
      elemType:
      let
        list = addCheck (listOf elemType) (l: l != [ ]);
      in
      list
      // {
        description = "non-empty ${phrase isNoun list}";
        emptyValue = { };
        substSubModules = m: nonEmptyListOf (elemType.substSubModules m);
      };

    /**
      A set of values of one type; definitions of one attribute merge.

      Type: `attrsOf :: OptionType -> OptionType`

      Example: `(types.attrsOf types.int).check { }` is `true`
    */
    attrsOf = elemType: attrsWith { inherit elemType; };

    /**
      `attrsOf` that knows its names without evaluating values; conditions
      then decide the value, not whether the attribute is there.

      Type: `lazyAttrsOf :: OptionType -> OptionType`

      Example: `(types.lazyAttrsOf types.int).description` is `"lazy attribute set of signed integer"`
    */
    lazyAttrsOf =
      elemType:
      attrsWith {
        inherit elemType;
        lazy = true;
      };

    /**
      `attrsOf` or `lazyAttrsOf`, with a placeholder for the names in
      documentation.

      Type: `attrsWith :: { elemType, lazy ? false, placeholder ? "name" } -> OptionType`

      Example: `(types.attrsWith { elemType = types.int; }).description` is `"attribute set of signed integer"`
    */
    attrsWith =
      {
        elemType,
        lazy ? false,
        placeholder ? "name",
      }:
      makeType {
        name = if lazy then "lazyAttrsOf" else "attrsOf";
        description = "${if lazy then "lazy " else ""}attribute set of ${phrase isNounOrComposite elemType}";
        descriptionClass = "composite";
        check = isAttrs;
        merge = {
          direct = if lazy then _: false else value: all (isDirect elemType) (builtins.attrValues value);
        }
        // mergeV2 (
          { loc, defs }:
          let
            merged = zipAttrsWith (name: mergeDefinitions (loc ++ [ name ]) elemType) (
              lib.concatMap (
                def:
                let
                  inherit (def) file value;
                  located = mapAttrs (_: value: { inherit file value; });
                in
                if value ? _type then map located (pushDownProperties value) else [ (located value) ]
              ) defs
            );
            present = lib.filterAttrs (_: m: m.isDefined) merged;
          in
          {
            headError = headErrorOf isAttrs defs;
            value =
              if lazy then
                mapAttrs (_: m: m.optionalValue.value or elemType.emptyValue.value or m.mergedValue) merged
              else
                mapAttrs (_: m: m.optionalValue.value) present;
            valueMeta.attrs = mapAttrs (_: m: m.valueMeta) (if lazy then merged else present);
          }
        );
        emptyValue.value = { };
        getSubOptions = prefix: elemType.getSubOptions (prefix ++ [ "<${placeholder}>" ]);
        getSubModules = elemType.getSubModules;
        substSubModules =
          m:
          attrsWith {
            elemType = elemType.substSubModules m;
            inherit lazy placeholder;
          };
        functor = (elemTypeFunctor "attrsWith" { inherit elemType lazy placeholder; }) // {
          type = attrsWith;
          binOp =
            a: b:
            let
              elem = a.elemType.typeMerge b.elemType.functor;
              placeholder =
                if a.placeholder == b.placeholder then
                  a.placeholder
                else if a.placeholder == "name" then
                  b.placeholder
                else if b.placeholder == "name" then
                  a.placeholder
                else
                  null;
            in
            if elem == null || a.lazy != b.lazy || placeholder == null then
              null
            else
              {
                elemType = elem;
                inherit (a) lazy;
                inherit placeholder;
              };
        };
        nestedTypes.elemType = elemType;
      };

    /**
      A list of names with values, in which a name may be there more than
      once and the order counts: options of a program, for example. It is
      defined by lists of sets of one attribute, or by sets; each entry may
      have its place (`mkOrder`), and of one name's entries those of the
      highest priority stay.

      Type: `attrListOf :: OptionType -> OptionType`

      Example: `(types.attrListOf types.int).description` is `"attribute list of signed integer"`
    */
    attrListOf = elemType: attrListWith { inherit elemType; };

    /**
      `attrListOf` that can give a set in the place of the list: all values of
      a name are then merged by a function of the name and the values.

      Type: `attrListWith :: { elemType, asAttrs ? false, mergeAttrValues ? } -> OptionType`

      Example: `(types.attrListWith { elemType = types.int; }).name` is `"attrListOf"`
    */
    attrListWith =
      {
        elemType,
        asAttrs ? false,
        mergeAttrValues ? _: values: values,
      }:
      let
        # A value with its properties taken off, as a list of entries.
        peel =
          entry: v:
          if !(isAttrs v && v ? _type) then
            [ (entry // { value = v; }) ]
          else if v._type == "if" then
            (if v.condition then peel entry v.content else [ ])
          else if v._type == "merge" then
            lib.concatMap (peel entry) v.contents
          else if v._type == "override" then
            # What is inside may have its place too; of a value that loses
            # nothing is looked at.
            [
              (
                entry
                // {
                  prio = v.priority;
                  value = v.content;
                  isWrapped = true;
                }
              )
            ]
          else if v._type == "order" then
            peel (entry // { order = v.priority; }) v.content
          else
            [ (entry // { value = v; }) ];

        entryOf = file: order: name: v: peel {
          inherit file order name;
          prio = lib.properties.defaultOverridePriority;
        } v;

        # An element of a list: a set of one attribute, perhaps with a place.
        fromElement =
          file: e:
          lib.concatMap (
            el:
            let
              name = head (attrNames el.value);
            in
            entryOf file el.order name el.value.${name}
          ) (peel { order = lib.properties.defaultOrderPriority; } e);

        fromDef =
          def:
          if isList def.value then
            lib.concatMap (fromElement def.file) def.value
          else
            lib.concatMap (
              name: entryOf def.file lib.properties.defaultOrderPriority name def.value.${name}
            ) (attrNames def.value);

        # What is wrong with the elements of a list, or null.
        faultOf =
          def:
          let
            wrong = lib.findFirst (
              el: !isAttrs el || length (attrNames el) != 1
            ) null (map (el: el.value) (lib.concatMap (peel { }) def.value));
          in
          if !isList def.value || wrong == null then
            null
          else if isAttrs wrong then
            "Each list element must be a single-key attribute set, but got ${toString (length (attrNames wrong))} keys, in `${def.file}'"
          else
            "Each list element must be an attribute set, but got ${typeOf wrong}, in `${def.file}'";

        check = x: isList x || isAttrs x;
      in
      makeType {
        name = "attrListOf";
        description = "attribute list of ${phrase isNounOrComposite elemType}";
        descriptionClass = "composite";
        inherit check;
        merge = mergeV2 (
          { loc, defs }:
          let
            faults = filter (f: f != null) (map faultOf defs);
            entries = lib.concatMap fromDef defs;
            best = mapAttrs (_: es: foldl' (acc: e: lib.min acc e.prio) 9999 es) (
              builtins.groupBy (e: e.name) entries
            );
            # Places inside of priorities are looked at for those that stay.
            winners = lib.concatMap (
              e: if e.isWrapped or false then map (w: w // { inherit (e) prio; }) (peel e e.value) else [ e ]
            ) (filter (e: e.prio == best.${e.name}) entries);
            sorted = lib.sort (a: b: a.order < b.order) winners;
            merged = filter (m: m.result.isDefined) (
              map (
                e:
                e
                // {
                  result = mergeDefinitions (loc ++ [ e.name ]) elemType [ { inherit (e) file value; } ];
                }
              ) sorted
            );
            asList = map (m: { ${m.name} = m.result.mergedValue; }) merged;
          in
          {
            headError =
              if headErrorOf check defs != null then
                headErrorOf check defs
              else if faults != [ ] then
                {
                  message = head faults;
                  isComplete = true;
                }
              else
                null;
            value =
              if asAttrs then
                mapAttrs (name: ms: mergeAttrValues name (map (m: m.result.mergedValue) ms)) (
                  builtins.groupBy (m: m.name) merged
                )
              else
                asList;
            valueMeta = {
              attrList = map (m: m.result.valueMeta) merged;
              attrListValue = asList;
              definitions = map (
                m:
                lib.mkDefinition {
                  inherit (m) file;
                  value = lib.mkOrder m.order { ${m.name} = m.result.mergedValue; };
                }
              ) merged;
            };
          }
        );
        emptyValue.value = if asAttrs then { } else [ ];
        getSubOptions = prefix: elemType.getSubOptions (prefix ++ [ "<name>" ]);
        getSubModules = elemType.getSubModules;
        substSubModules =
          m:
          attrListWith {
            elemType = elemType.substSubModules m;
            inherit asAttrs mergeAttrValues;
          };
        typeMerge = _: null;
        functor = defaultFunctor "attrListOf" // {
          wrapped = elemType;
        };
        nestedTypes.elemType = elemType;
      };

    /**
      `attrsOf`, from a time when lists were taken too.

      Example: `(types.loaOf types.str).description` is `"attribute set of string"`
    */
    loaOf =
      elemType:
      attrsOf elemType
      // {
        name = "loaOf";
        deprecationMessage = "Mixing lists with attribute values is no longer possible; please use `types.attrsOf` instead. See https://github.com/NixOS/nixpkgs/issues/1800 for the motivation.";
        nestedTypes.elemType = elemType;
      };

    /**
      One of several tagged values: a set with exactly one of the given
      attributes, each of which is an option.

      Type: `attrTag :: { ${tag} :: Option } -> OptionType`

      Example: `(types.attrTag { a = mkOption { }; }).check { b = 1; }` is `false`
    */
    attrTag =
      tags:
      let
        options = mapAttrs (
          tag: option:
          if lib.isOption option then
            option
            // {
              declarations =
                option.declarations or (
                  let
                    pos = builtins.unsafeGetAttrPos tag tags;
                  in
                  if pos == null then [ ] else [ pos.file ]
                );
              declarationPositions =
                option.declarationPositions or (
                  let
                    pos = builtins.unsafeGetAttrPos tag tags;
                  in
                  if pos == null then [ ] else [ pos ]
                );
            }
          else
            throw "In attrTag, each tag value must be an option, but tag ${tag} ${
              if isOptionType option then "was a bare type, not wrapped in mkOption." else "was of type ${typeOf option}."
            }"
        ) tags;
        choices = concatMapStringsSep ", " lib.strings.escapeNixIdentifier (attrNames tags);
        typeOfTag = tag: options.${tag}.type or unspecified;
      in
      makeType {
        name = "attrTag";
        description = "attribute-tagged union${
          lib.optionalString (tags != { }) " with choices: ${choices}"
        }";
        descriptionClass = "noun";
        check =
          x:
          isAttrs x
          && (
            let
              names = attrNames x;
            in
            length names == 1 && tags ? ${head names}
          );
        merge =
          loc: defs:
          let
            choice = head (attrNames (head defs).value);
            ok = all (def: def.value ? ${choice}) defs;
            here = loc ++ [ choice ];
            merged =
              (lib.modules.evalOptionValue here options.${choice} (
                map (def: {
                  inherit (def) file;
                  value = def.value.${choice};
                }) defs
              )).value;
          in
          if ok then
            { ${choice} = merged; }
          else
            throw "The option `${showOption loc}` is defined both as `${choice}` and `${
              head (attrNames (head (filter (def: !(def.value ? ${choice})) defs)).value)
            }`, in ${showFiles (lib.getFiles defs)}.";
        getSubOptions =
          prefix: mapAttrs (tag: option: { loc = prefix ++ [ tag ]; } // option) options;
        functor = defaultFunctor "attrTag" // {
          type = payload: attrTag payload.tags;
          payload = { tags = options; };
          binOp =
            a: b:
            let
              both = lib.intersectAttrs a.tags b.tags;
            in
            {
              tags =
                a.tags
                // b.tags
                // mapAttrs (
                  tag: _:
                  let
                    merged = lib.mergeOptionDecls [ tag ] (
                      map (options: {
                        _file = head (options.declarations ++ [ lib.unknownModule ]);
                        pos = head (options.declarationPositions ++ [ null ]);
                        options = removeAttrs options [
                          "declarations"
                          "declarationPositions"
                        ];
                      }) [
                        a.tags.${tag}
                        b.tags.${tag}
                      ]
                    );
                  in
                  merged.decl
                  // {
                    inherit (merged) declarations;
                    declarationPositions = merged.positions;
                  }
                ) both;
            };
        };
        nestedTypes = mapAttrs (tag: _: typeOfTag tag) tags;
      };

    /**
      A single definition, with a message for when there are more.

      Type: `unique :: { message :: String } -> OptionType -> OptionType`

      Example: `(types.unique { message = ""; } types.str).description` is `"string"`
    */
    unique =
      { message }:
      type:
      makeType {
        name = "unique";
        inherit (type)
          description
          descriptionClass
          check
          emptyValue
          getSubOptions
          getSubModules
          ;
        merge = mergeUniqueOption {
          inherit message;
          merge = loc: defs: (checkedMerge type loc defs).value;
        };
        substSubModules = m: unique { inherit message; } (type.substSubModules m);
        functor = defaultFunctor "unique" // {
          wrapped = type;
          type = inner: unique { inherit message; } inner;
        };
        nestedTypes.elemType = type;
      };

    /**
      A single definition.

      Example: `(types.uniq types.str).description` is `"string"`
    */
    uniq = unique { message = ""; };

    /**
      A value of a type, or `null`; definitions must agree which.

      Type: `nullOr :: OptionType -> OptionType`

      Example: `(types.nullOr types.int).check null` is `true`
    */
    nullOr =
      elemType:
      makeType rec {
        name = "nullOr";
        description = "null or ${phrase (class: class == "noun" || class == "conjunction") elemType}";
        descriptionClass = "conjunction";
        check = x: x == null || elemType.check x;
        merge = mergeDirectly (value: value == null || isDirect elemType value) (
          loc: defs:
          let
            nulls = lib.count (def: def.value == null) defs;
          in
          if nulls == length defs then
            null
          else if nulls != 0 then
            throw "The option `${showOption loc}` is defined both null and not null, in ${
              showFiles (lib.getFiles defs)
            }."
          else
            elemType.merge loc defs
        );
        emptyValue.value = null;
        getSubOptions = elemType.getSubOptions;
        getSubModules = elemType.getSubModules;
        substSubModules = m: nullOr (elemType.substSubModules m);
        functor = elemTypeFunctor name { inherit elemType; } // {
          type = payload: nullOr payload.elemType;
        };
        nestedTypes.elemType = elemType;
      };

    /**
      A function whose results have a type.

      Type: `functionTo :: OptionType -> OptionType`

      Example: `(types.functionTo types.int).check (x: x)` is `true`
    */
    functionTo =
      elemType:
      makeType rec {
        name = "functionTo";
        description = "function that evaluates to a(n) ${phrase isNounOrComposite elemType}";
        descriptionClass = "composite";
        check = isFunction;
        merge =
          loc: defs:
          let
            # An argument is optional when every function that names it has a
            # default for it.
            args = zipAttrsWith (_: all lib.id) (map (def: lib.functionArgs def.value) defs);
          in
          lib.setFunctionArgs (
            arg:
            (mergeDefinitions (loc ++ [ "<function body>" ]) elemType (
              map (def: {
                inherit (def) file;
                value = def.value arg;
              }) defs
            )).mergedValue
          ) args;
        getSubOptions = prefix: elemType.getSubOptions (prefix ++ [ "<function body>" ]);
        getSubModules = elemType.getSubModules;
        substSubModules = m: functionTo (elemType.substSubModules m);
        functor = elemTypeFunctor "functionTo" { inherit elemType; } // {
          type = payload: functionTo payload.elemType;
        };
        nestedTypes.elemType = elemType;
      };

    /**
      A set whose options a module declares.

      Type: `submodule :: (Module | [Module]) -> OptionType`

      Example: `(types.submodule { }).name` is `"submodule"`
    */
    submodule =
      modules:
      submoduleWith {
        shorthandOnlyDefinesConfig = true;
        modules = toList modules;
      };

    /**
      `submodule` with more to say: `specialArgs` for its modules, whether
      sets are definitions only (`shorthandOnlyDefinesConfig`), a
      `description`, the `class` that modules must have.

      Type: `submoduleWith :: { modules, specialArgs ?, shorthandOnlyDefinesConfig ?, description ?, class ? } -> OptionType`

      Example: `(types.submoduleWith { modules = [ ]; description = "d"; }).description` is `"d"`
    */
    submoduleWith =
      {
        modules,
        specialArgs ? { },
        shorthandOnlyDefinesConfig ? false,
        description ? null,
        class ? null,
      }@attrs:
      let
        asModule =
          { file, value, ... }:
          if isAttrs value && shorthandOnlyDefinesConfig == true then
            {
              _file = file;
              config = value;
            }
          else
            {
              _file = file;
              imports = [ value ];
            };

        base = evalModules {
          inherit class specialArgs;
          modules = [
            {
              # Documentation has no name to show.
              _module.args.name = lib.mkOptionDefault "‹name›";
            }
          ]
          ++ modules;
        };

        # For what is asked without a value: definitions are not checked.
        docs = base.extendModules { modules = [ noCheckForDocsModule ]; };
        inherit (docs._module) freeformType;

        name = "submodule";

        check = x: isAttrs x || isFunction x || isPath x;
      in
      makeType {
        inherit name check;
        description =
          if description != null then
            description
          else if freeformType == null then
            name
          else
            "open submodule of ${phrase isNounOrComposite freeformType}";
        merge = mergeV2 (
          { loc, defs }:
          let
            configuration = base.extendModules {
              modules = [ { _module.args.name = last loc; } ] ++ map asModule defs;
              prefix = loc;
            };
          in
          {
            headError = headErrorOf check defs;
            value = configuration.config;
            valueMeta = { inherit configuration; };
          }
        );
        emptyValue.value = { };
        getSubOptions =
          prefix:
          (docs.extendModules { inherit prefix; }).options
          // optionalAttrs (freeformType != null) {
            # An identifier that no option has.
            _freeformOptions = freeformType.getSubOptions prefix;
          };
        getSubModules = modules;
        substSubModules = m: submoduleWith (attrs // { modules = m; });
        nestedTypes = optionalAttrs (freeformType != null) { inherit freeformType; };
        functor = defaultFunctor name // {
          type = submoduleWith;
          payload = {
            inherit
              modules
              class
              specialArgs
              shorthandOnlyDefinesConfig
              description
              ;
          };
          binOp =
            a: b:
            let
              agree =
                attr:
                if a.${attr} == null then
                  b.${attr}
                else if b.${attr} == null || a.${attr} == b.${attr} then
                  a.${attr}
                else
                  throw "A submoduleWith option is declared multiple times with conflicting ${attr} values${
                    lib.optionalString (attr == "class") " ${builtins.toJSON a.class} and ${builtins.toJSON b.class}"
                  }${lib.optionalString (attr != "class") "."}${lib.optionalString (attr == "class") "."}";
              shared = attrNames (lib.intersectAttrs a.specialArgs b.specialArgs);
            in
            {
              modules = a.modules ++ b.modules;
              specialArgs =
                if shared == [ ] then
                  a.specialArgs // b.specialArgs
                else
                  throw "A submoduleWith option is declared multiple times with the same specialArgs \"${toString shared}\"";
              class = agree "class";
              shorthandOnlyDefinesConfig = agree "shorthandOnlyDefinesConfig";
              description = agree "description";
            };
        };
      };

    /**
      A module that is not evaluated yet; definitions combine as imports.

      Example: `types.deferredModule.check { }` is `true`
    */
    deferredModule = deferredModuleWith { };

    /**
      `deferredModule` with modules that are always part of it.

      Type: `deferredModuleWith :: { staticModules ? [ ] } -> OptionType`

      Example: `(types.deferredModuleWith { }).name` is `"deferredModule"`
    */
    deferredModuleWith =
      attrs@{
        staticModules ? [ ],
      }:
      makeType {
        name = "deferredModule";
        description = "module";
        descriptionClass = "noun";
        check = x: isAttrs x || isFunction x || isPath x;
        merge = loc: defs: {
          imports =
            staticModules
            ++ map (
              def: setDefaultModuleLocation "${def.file}, via option ${showOption loc}" def.value
            ) defs;
        };
        inherit (submoduleWith { modules = staticModules; })
          getSubOptions
          getSubModules
          ;
        substSubModules = m: deferredModuleWith (attrs // { staticModules = m; });
        functor = defaultFunctor "deferredModuleWith" // {
          type = deferredModuleWith;
          payload = { inherit staticModules; };
          binOp = a: b: {
            staticModules = lib.lists.unique (a.staticModules ++ b.staticModules);
          };
        };
      };

    /**
      The declaration of an option, as a value.

      Example: `types.optionDeclaration.check (mkOption { })` is `true`
    */
    optionDeclaration = mkOptionType {
      name = "optionDeclaration";
      description = "option declaration";
      descriptionClass = "noun";
      # An evaluated option has much of a declaration, and a value.
      check = x: lib.isOption x && !(x ? value);
      merge = mergeOneOption;
    };

    /**
      An option type, as a value; definitions merge as declarations do.

      Example: `types.optionType.check types.int` is `true`
    */
    optionType = mkOptionType {
      name = "optionType";
      description = "optionType";
      descriptionClass = "noun";
      check = isOptionType;
      merge =
        loc: defs:
        if length defs == 1 then
          (head defs).value
        else
          (lib.modules.fixupOptionType loc (
            lib.mergeOptionDecls loc (
              map (def: {
                _file = def.file;
                pos = null;
                options = mkOption { type = def.value; };
              }) defs
            )
          )).type;
    };

    /**
      One of a list of values.

      Type: `enum :: [a] -> OptionType`

      Example: `(types.enum [ "a" "b" ]).check "c"` is `false`
    */
    enum =
      values:
      makeType rec {
        name = "enum";
        description =
          if values == [ ] then
            "impossible (empty enum)"
          else if length values == 1 then
            "value ${show (head values)} (singular enum)"
          else
            "one of ${concatMapStringsSep ", " show values}";
        descriptionClass = if length values < 2 then "noun" else "conjunction";
        check = x: elem x values;
        merge = mergeEqualOption;
        functor = defaultFunctor name // {
          payload = { inherit values; };
          type = payload: enum payload.values;
          binOp = a: b: { values = lib.unique (a.values ++ b.values); };
        };
      };

    /**
      A value of one of two types; the first that takes all definitions
      merges them.

      Type: `either :: OptionType -> OptionType -> OptionType`

      Example: `(types.either types.int types.str).check "x"` is `true`
    */
    either =
      t1: t2:
      makeType rec {
        name = "either";
        description =
          if t1.descriptionClass or null == "nonRestrictiveClause" then
            "${t1.description}, or ${phrase isNounOrComposite t2}"
          else
            "${phrase (class: class == "noun" || class == "conjunction") t1} or ${
              phrase (class: class == "noun" || class == "conjunction" || class == "composite") t2
            }";
        descriptionClass = "conjunction";
        check = x: t1.check x || t2.check x;
        merge = {
          direct = value: if t1.check value then isDirect t1 value else isDirect t2 value;
        }
        // mergeV2 (
          { loc, defs }:
          let
            first = checkedMerge t1 loc defs;
            second = checkedMerge t2 loc defs;
          in
          if first.headError == null then
            first
          else if second.headError == null then
            second
          else if all (def: check def.value) defs then
            # Some are of the one type, some of the other.
            {
              headError = null;
              value = mergeOneOption loc defs;
              valueMeta = { };
            }
          else
            {
              headError = headErrorOf check defs;
              # Reached only by who merges without checking.
              value = lib.warn ''
                One or more definitions did not pass the type-check of the 'either' type.
                ${headErrorText loc second}
                They are merged as they are; please correct the definitions or the type.'' (
                mergeOneOption loc defs
              );
              valueMeta = { };
            }
        );
        typeMerge =
          f':
          let
            merged1 = t1.typeMerge (elemAt f'.payload.elemType 0).functor;
            merged2 = t2.typeMerge (elemAt f'.payload.elemType 1).functor;
          in
          if f'.name == name && merged1 != null && merged2 != null then functor.type [ merged1 merged2 ] else null;
        functor = defaultFunctor name // {
          type = ts: either (elemAt ts 0) (elemAt ts 1);
          wrapped = null;
          payload.elemType = [
            t1
            t2
          ];
        };
        nestedTypes.left = t1;
        nestedTypes.right = t2;
      };

    /**
      A value of one of several types.

      Type: `oneOf :: [OptionType] -> OptionType`

      Example: `(types.oneOf [ types.int types.str types.bool ]).check null` is `false`
    */
    oneOf =
      ts:
      if ts == [ ] then throw "types.oneOf needs to get at least one type in its argument" else foldl' either (head ts) (lib.tail ts);

    /**
      A value of a type, or one of another that a function turns into it.

      Type: `coercedTo :: OptionType -> (a -> b) -> OptionType -> OptionType`

      Example: `(types.coercedTo types.int toString types.str).merge [ ] [ { value = 1; } ]` is `"1"`
    */
    coercedTo =
      from: coerce: to:
      if from.getSubModules or null != null then
        throw "coercedTo: coercedType must not have submodules (it’s a ${from.description})"
      else
        makeType rec {
          name = "coercedTo";
          description = "${phrase isNoun to} or ${phrase isNoun from} convertible to it";
          check = x: (from.check x && to.check (coerce x)) || to.check x;
          merge = mergeV2 (
            { loc, defs }:
            let
              coerced = map (
                def:
                let
                  viaFrom = checkedMerge from loc [ def ];
                in
                if viaFrom.headError == null then def // { value = coerce def.value; } else def
              ) defs;
              result = checkedMerge to loc coerced;
            in
            if result.headError == null then
              result
            else
              {
                headError = headErrorOf check defs;
                inherit (result) value;
                valueMeta = { };
              }
          );
          emptyValue = to.emptyValue;
          getSubOptions = to.getSubOptions;
          getSubModules = to.getSubModules;
          substSubModules = m: coercedTo from coerce (to.substSubModules m);
          typeMerge = _: null;
          functor = defaultFunctor name // {
            wrapped = to;
          };
          nestedTypes.coercedType = from;
          nestedTypes.finalType = to;
        };

    /**
      A type with a further condition on its values.

      Type: `addCheck :: OptionType -> (a -> Bool) -> OptionType`

      Example: `(types.addCheck types.int (x: x > 5)).check 3` is `false`
    */
    addCheck =
      type: check:
      type
      // {
        check = x: type.check x && check x;
      }
      // optionalAttrs (isAttrs type.merge && type.merge ? v2) {
        merge = optionalAttrs (type.merge ? direct) { inherit (type.merge) direct; } // mergeV2 (
          { loc, defs }:
          let
            result = checkedMerge type loc defs;
          in
          result
          // {
            headError = if result.headError != null then result.headError else headErrorOf check defs;
          }
        );
      };

    /**
      A value that formats such as JSON can hold.

      Type: `serializableValueWith :: { typeName, nullable ? true } -> OptionType`

      Example: `(types.serializableValueWith { typeName = "T"; }).description` is `"T value"`
    */
    serializableValueWith =
      {
        typeName,
        nullable ? true,
      }:
      let
        inner =
          oneOf [
            bool
            int
            float
            str
            path
            (attrsOf value)
            (listOf value)
          ]
          // {
            description = "${typeName} value";
            descriptionClass = "noun";
          };
        value =
          (if nullable then nullOr inner else inner)
          // {
            description = "${typeName} value";
            descriptionClass = "noun";
          };
      in
      value;

    /**
      A value that JSON can hold.

      Example: `types.json.description` is `"JSON value"`
    */
    json = serializableValueWith { typeName = "JSON"; };

    /**
      A value that TOML can hold: no `null`.

      Example: `types.toml.description` is `"TOML value"`
    */
    toml = serializableValueWith {
      typeName = "TOML";
      nullable = false;
    };

    /**
      Lua code made by `mkLuaInline`.

      Example: `types.luaInline.check (mkLuaInline "x")` is `true`
    */
    luaInline = mkOptionType {
      name = "luaInline";
      description = "inline lua";
      descriptionClass = "noun";
      check = x: x._type or null == "lua-inline";
      merge = mergeEqualOption;
    };

    /**
      A module that lets documentation be made of modules that would not pass
      the check for undeclared options.

      Example: `types.noCheckForDocsModule._module.check` is `lib.modules.mkForce false`
    */
    noCheckForDocsModule = {
      _module.check = lib.mkForce false;
    };
  };
}
