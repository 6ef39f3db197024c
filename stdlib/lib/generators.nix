/**
  Nix values as text in other formats: INI, key-value files, JSON, Lua,
  property lists, Dhall, and Nix itself for people to read.
*/
{ lib }:
let
  inherit (builtins)
    isAttrs
    isBool
    isFloat
    isInt
    isList
    isPath
    isString
    mapAttrs
    ;
  inherit (lib)
    concatMapStringsSep
    concatStrings
    concatStringsSep
    escape
    isDerivation
    mapAttrsToList
    optionalString
    replaceStrings
    splitString
    ;

  # Attributes that give a set its behaviour rather than its contents.
  special = [
    "__functionArgs"
    "__functor"
    "__pretty"
    "__toString"
  ];
in
rec {
  /**
    A value as it usually stands in a configuration file; sets and functions
    are refused.

    Type: `mkValueStringDefault :: { } -> Any -> String`

    Example: `lib.generators.mkValueStringDefault { } true` is `"true"`
  */
  mkValueStringDefault =
    { }:
    v:
    let
      refuse =
        kind:
        abort "generators.mkValueStringDefault: ${kind} not supported: ${toPretty { } v}";
    in
    if isInt v then
      toString v
    else if isDerivation v then
      toString v
    else if isString v then
      v
    else if isBool v then
      lib.boolToString v
    else if v == null then
      "null"
    else if isFloat v then
      lib.strings.floatToString v
    else if isAttrs v then
      refuse "attrsets"
    else if isList v then
      refuse "lists"
    else if lib.isFunction v then
      refuse "functions"
    else
      refuse "this value is";

  /**
    `key`, separator, value, with the separator escaped in the key.

    Type: `mkKeyValueDefault :: { mkValueString ? :: Any -> String; } -> String -> String -> Any -> String`

    Example: `lib.generators.mkKeyValueDefault { } ":" "f:oo" "bar"` is `"f\\:oo:bar"`
  */
  mkKeyValueDefault =
    {
      mkValueString ? mkValueStringDefault { },
    }:
    sep: key: value:
    "${escape [ sep ] key}${sep}${mkValueString value}";

  /**
    One line a key.

    Type: `toKeyValue :: { mkKeyValue ?, listsAsDuplicateKeys ?, indent ? } -> AttrSet -> String`

    Example: `lib.generators.toKeyValue { } { a = 1; }` is `"a=1\n"`
  */
  toKeyValue =
    {
      mkKeyValue ? mkKeyValueDefault { } "=",
      listsAsDuplicateKeys ? false,
      indent ? "",
    }:
    set:
    let
      line = key: value: "${indent}${mkKeyValue key value}\n";
      lines =
        if listsAsDuplicateKeys then
          key: value: concatStrings (map (line key) (lib.toList value))
        else
          line;
    in
    concatStrings (mapAttrsToList lines set);

  /**
    Sections of keys.

    Type: `toINI :: { mkSectionName ?, mkKeyValue ?, listsAsDuplicateKeys ? } -> { ${section} :: AttrSet } -> String`

    Example: `lib.generators.toINI { } { s = { a = 1; }; }` is `"[s]\na=1\n"`
  */
  toINI =
    {
      mkSectionName ? escape [
        "["
        "]"
      ],
      mkKeyValue ? mkKeyValueDefault { } "=",
      listsAsDuplicateKeys ? false,
    }:
    sections:
    concatStringsSep "\n" (
      mapAttrsToList (
        name: section:
        "[${mkSectionName name}]\n" + toKeyValue { inherit mkKeyValue listsAsDuplicateKeys; } section
      ) sections
    );

  /**
    Keys that stand before the first section, then sections.

    Type: `toINIWithGlobalSection :: { … } -> { globalSection :: AttrSet; sections ? :: AttrSet; } -> String`

    Example: `lib.generators.toINIWithGlobalSection { } { globalSection.a = 1; }` is `"a=1\n\n"`
  */
  toINIWithGlobalSection =
    {
      mkSectionName ? escape [
        "["
        "]"
      ],
      mkKeyValue ? mkKeyValueDefault { } "=",
      listsAsDuplicateKeys ? false,
    }:
    {
      globalSection,
      sections ? { },
    }:
    optionalString (globalSection != { }) (
      toKeyValue { inherit mkKeyValue listsAsDuplicateKeys; } globalSection + "\n"
    )
    + toINI { inherit mkSectionName mkKeyValue listsAsDuplicateKeys; } sections;

  /**
    The configuration format of git: sections with subsections, and one line
    per element of a list.

    Type: `toGitINI :: AttrSet -> String`

    Example: `lib.generators.toGitINI { user.name = "A"; }` is `"[user]\n\tname = \"A\"\n"`
  */
  toGitINI =
    sections:
    let
      quote = s: ''"${replaceStrings [ "\\" "\n" "\t" "\b" "\"" ] [ "\\\\" "\\n" "\\t" "\\b" "\\\"" ] s}"'';
      value =
        v:
        if isString v then
          quote v
        else
          mkValueStringDefault { } v;
      line =
        key: v:
        if isList v then concatStrings (map (line key) v) else "\t${key} = ${value v}\n";
      # The keys of sections and subsections, by the section's header.
      headers =
        name: path: set:
        let
          isSection = v: isAttrs v && !isDerivation v;
          own = lib.filterAttrs (_: v: !isSection v) set;
          below = lib.filterAttrs (_: isSection) set;
          header = if path == [ ] then name else "${name} \"${concatStringsSep "." path}\"";
        in
        lib.optional (own != { } || (set == { } && path == [ ])) {
          inherit header;
          text = concatStrings (mapAttrsToList line own);
        }
        ++ lib.concatLists (mapAttrsToList (n: headers name (path ++ [ n ])) below);
    in
    concatMapStringsSep "\n" (s: "[${s.header}]\n${s.text}") (
      lib.concatLists (mapAttrsToList (name: headers name [ ]) sections)
    );

  /**
    A key and a value in GVariant text, for dconf.

    Type: `mkDconfKeyValue :: String -> Any -> String`

    Example: `lib.generators.mkDconfKeyValue "a" true` is `"a=true"`
  */
  mkDconfKeyValue = mkKeyValueDefault {
    mkValueString = v: toString (lib.gvariant.mkValue v);
  } "=";

  /**
    Sections of dconf keys.

    Type: `toDconfINI :: AttrSet -> String`

    Example: `lib.generators.toDconfINI { s.a = true; }` is `"[s]\na=true\n"`
  */
  toDconfINI = toINI { mkKeyValue = mkDconfKeyValue; };

  /**
    A value with every level below a depth replaced by `"<unevaluated>"`, or
    by an error; for values that may be infinite.

    Type: `withRecursion :: { depthLimit :: Int | Null; throwOnDepthLimit ? true :: Bool; } -> Any -> Any`

    Example: `lib.generators.withRecursion { depthLimit = 1; throwOnDepthLimit = false; } { a.b = 1; }` is `{ a.b = "<unevaluated>"; }`
  */
  withRecursion =
    {
      depthLimit,
      throwOnDepthLimit ? true,
    }:
    let
      limit =
        depth: v:
        if depthLimit == null || depth <= depthLimit then
          v
        else if throwOnDepthLimit then
          throw "Exceeded maximum eval-depth limit of ${toString depthLimit} while trying to evaluate with `generators.withRecursion'!"
        else
          "<unevaluated>";
      inner = depth: v: walk (depth + 1) (limit (depth + 1) v);
      walk =
        depth: v:
        if isAttrs v then
          mapAttrs (name: value: if builtins.elem name special then value else inner depth value) v
        else if isList v then
          map (inner depth) v
        else
          limit (depth + 1) v;
    in
    walk 0;

  /**
    A value as Nix text for people to read. Functions and derivations show
    what they are; a set with `__pretty` and `val` prints itself where that
    is allowed.

    Type: `toPretty :: { multiline ? true, allowPrettyValues ? false, indent ? "" } -> Any -> String`

    Example: `lib.generators.toPretty { multiline = false; } { a = [ 1 ]; }` is `"{ a = [ 1 ]; }"`
  */
  toPretty =
    {
      multiline ? true,
      allowPrettyValues ? false,
      indent ? "",
    }:
    let
      go =
        indent: v:
        let
          opening = if multiline then "\n${indent}  " else " ";
          closing = if multiline then "\n${indent}" else " ";
          item = go (indent + "  ");
          textLines = splitString "\n" (replaceStrings [ "''" "\${" ] [ "'''" "''\${" ] v);
          lastLine = lib.last textLines;
          block =
            "''"
            + concatStrings (map (line: "\n${indent}  ${line}") (lib.init textLines))
            + (if lastLine == "" then "\n${indent}''" else "\n${indent}  ${lastLine}''");
          args = lib.functionArgs v;
        in
        if isString v then
          if multiline && lib.hasInfix "\n" v then
            block
          else
            "\"${replaceStrings [ "\\" "\"" "\n" "\r" "\t" "\${" ] [ "\\\\" "\\\"" "\\n" "\\r" "\\t" "\\\${" ] v}\""
        else if isInt v then
          toString v
        else if isFloat v then
          builtins.toJSON v
        else if isBool v then
          lib.boolToString v
        else if v == null then
          "null"
        else if isPath v then
          toString v
        else if isList v then
          if v == [ ] then "[ ]" else "[${opening}${concatMapStringsSep opening item v}${closing}]"
        else if lib.isFunction v then
          if args == { } then
            "<function>"
          else
            "<function, args: {${
              concatStringsSep ", " (mapAttrsToList (name: hasDefault: if hasDefault then "${name}?" else name) args)
            }}>"
        else if isAttrs v then
          if allowPrettyValues && v ? __pretty && v ? val then
            v.__pretty v.val
          else if v == { } then
            "{ }"
          else if isDerivation v then
            "<derivation ${v.name or "???"}>"
          else
            "{${opening}${
              concatStringsSep opening (
                mapAttrsToList (
                  name: value:
                  "${lib.strings.escapeNixIdentifier name} = ${
                    builtins.addErrorContext "while evaluating an attribute `${name}`" (item value)
                  };"
                ) v
              )
            }${closing}}"
        else
          abort "generators.toPretty: should never happen (v = ${builtins.typeOf v})";
    in
    go indent;

  /**
    An XML property list as macOS uses it. Values of `null` are left out.

    Type: `toPlist :: { escape ? false :: Bool; } -> Any -> String`
  */
  toPlist =
    {
      escape ? false,
    }:
    v:
    let
      text = if escape then lib.escapeXML else lib.id;
      tag =
        name: indent: body:
        if body == [ ] then
          "${indent}<${name}>\n\n${indent}</${name}>"
        else
          "${indent}<${name}>\n${concatStringsSep "\n" body}\n${indent}</${name}>";
      show =
        indent: v:
        if v == null then
          ""
        else if isBool v then
          "${indent}<${lib.boolToString v}/>"
        else if isInt v then
          "${indent}<integer>${toString v}</integer>"
        else if isFloat v then
          "${indent}<real>${toString v}</real>"
        else if isString v || isPath v || isDerivation v then
          "${indent}<string>${text (toString v)}</string>"
        else if isList v then
          tag "array" indent (map (show "${indent}\t") v)
        else if isAttrs v then
          tag "dict" indent (
            lib.concatLists (
              mapAttrsToList (name: value: [
                "${indent}\t<key>${text name}</key>"
                (show "${indent}\t" value)
              ]) (lib.filterAttrs (_: value: value != null) v)
            )
          )
        else
          abort "generators.toPlist: should never happen (v = ${builtins.typeOf v})";
    in
    ''
      <?xml version="1.0" encoding="UTF-8"?>
      <!DOCTYPE plist PUBLIC "-//Apple Computer//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
      <plist version="1.0">
      ${show "" v}
      </plist>'';

  /**
    A value as a Dhall expression; `null` has no counterpart there.

    Type: `toDhall :: { } -> Any -> String`

    Example: `lib.generators.toDhall { } { a = 1; b = [ "x" ]; }` is `"{ a = +1, b = [ \"x\" ] }"`
  */
  toDhall =
    args: v:
    if isAttrs v then
      if isDerivation v then
        builtins.toJSON (toString v)
      else
        "{ ${concatStringsSep ", " (mapAttrsToList (name: value: "${name} = ${toDhall args value}") v)} }"
    else if isList v then
      "[ ${concatMapStringsSep ", " (toDhall args) v} ]"
    else if isInt v then
      (if v < 0 then "" else "+") + toString v
    else if isBool v then
      (if v then "True" else "False")
    else if lib.isFunction v then
      abort "generators.toDhall: cannot convert a function to Dhall"
    else if v == null then
      abort "generators.toDhall: cannot convert a null to Dhall"
    else
      builtins.toJSON v;

  /**
    A value as a Lua expression, or (with `asBindings`) the attributes of a
    set as assignments.

    Type: `toLua :: { multiline ? true, indent ? "", asBindings ? false } -> Any -> String`

    Example: `lib.generators.toLua { multiline = false; } [ 1 true null ]` is `"{ 1, true, nil }"`
  */
  toLua =
    {
      multiline ? true,
      indent ? "",
      asBindings ? false,
    }:
    v:
    let
      innerIndent = "${indent}  ";
      item = toLua {
        inherit multiline;
        indent = innerIndent;
      };
      opening = if multiline then "{\n${innerIndent}" else "{ ";
      closing = if multiline then "\n${indent}}" else " }";
      between = if multiline then ",\n${innerIndent}" else ", ";
      table = items: if items == [ ] then "{}" else opening + concatStringsSep between items + closing;
      isName = name: builtins.match "[a-zA-Z_][a-zA-Z0-9_]*(\\.[a-zA-Z_][a-zA-Z0-9_]*)*" name != null;
      binding =
        name: value:
        lib.throwIfNot (isName name) "attribute ${builtins.toJSON name} is not a valid Lua variable name"
          "${indent}${name} = ${toLua { inherit multiline indent; } value}\n";
    in
    if asBindings then
      concatStrings (mapAttrsToList binding v)
    else if v == null then
      "nil"
    else if isInt v || isFloat v || isString v || isBool v then
      builtins.toJSON v
    else if isPath v || isDerivation v then
      builtins.toJSON "${v}"
    else if isList v then
      table (map item v)
    else if isAttrs v then
      if v._type or null == "lua-inline" then
        "(${v.expr})"
      else
        table (mapAttrsToList (name: value: "[${builtins.toJSON name}] = ${item value}") v)
    else
      abort "generators.toLua: type ${builtins.typeOf v} is unsupported";

  /**
    Lua code to stand as it is within `toLua`.

    Type: `mkLuaInline :: String -> AttrSet`

    Example: `lib.generators.toLua { } (mkLuaInline "f()")` is `"(f())"`
  */
  mkLuaInline = expr: {
    _type = "lua-inline";
    inherit expr;
  };

  /**
    A value as JSON.

    Type: `toJSON :: { } -> Any -> String`

    Example: `lib.generators.toJSON { } [ 1 ]` is `"[1]"`
  */
  toJSON = { }: builtins.toJSON;

  /**
    A value as YAML, of which JSON is a part.

    Type: `toYAML :: { } -> Any -> String`

    Example: `lib.generators.toYAML { } [ 1 ]` is `"[1]"`
  */
  toYAML = toJSON;
}
