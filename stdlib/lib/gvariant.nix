/**
  Values in GVariant text, the format of dconf settings. A value of it knows
  its type and prints itself by `toString`.
*/
{ lib }:
let
  inherit (lib)
    concatMapStringsSep
    concatStrings
    head
    isString
    ;

  type = {
    arrayOf = t: "a${t}";
    maybeOf = t: "m${t}";
    tupleOf = ts: "(${concatStrings ts})";
    dictionaryEntryOf = key: value: "{${key}${value}}";
    string = "s";
    boolean = "b";
    uchar = "y";
    int16 = "n";
    uint16 = "q";
    int32 = "i";
    uint32 = "u";
    int64 = "x";
    uint64 = "t";
    double = "d";
    variant = "v";
    objectpath = "o";
  };

  # A value of a type, with how it prints.
  make = t: value: show: {
    _type = "gvariant";
    type = t;
    inherit value;
    __toString = self: show self;
  };

  quote = s: "'${lib.replaceStrings [ "\\" "'" "\n" ] [ "\\\\" "\\'" "\\n" ] s}'";

  # The type that all of several values have.
  commonType =
    values:
    let
      t = (head values).type;
    in
    if lib.all (v: v.type == t) values then
      t
    else
      throw "Elements in a list should have same type: ${concatMapStringsSep ", " (v: v.type) values}";

  number = t: prefix: value: make t value (self: "${prefix}${toString self.value}");
in
rec {
  inherit type;

  /**
    Whether a value is a GVariant one.

    Type: `isGVariant :: Any -> Bool`

    Example: `lib.gvariant.isGVariant 1` is `false`
  */
  isGVariant = v: v._type or "" == "gvariant";

  /**
    The functions that make integers, by their types.

    Type: `intConstructors :: [{ name, type, min, max }]`
  */
  intConstructors = [
    { name = "mkInt32"; type = type.int32; min = -2147483648; max = 2147483647; }
    { name = "mkUint32"; type = type.uint32; min = 0; max = 4294967295; }
    { name = "mkInt64"; type = type.int64; min = -9223372036854775807; max = 9223372036854775807; }
    { name = "mkUint64"; type = type.uint64; min = 0; max = null; }
    { name = "mkInt16"; type = type.int16; min = -32768; max = 32767; }
    { name = "mkUint16"; type = type.uint16; min = 0; max = 65535; }
    { name = "mkUchar"; type = type.uchar; min = 0; max = 255; }
  ];

  /**
    A value of the language as the GVariant that it suggests; integers have
    no obvious one and are refused.

    Type: `mkValue :: Any -> GVariant`

    Example: `toString (lib.gvariant.mkValue [ "a" ])` is `"@as ['a']"`
  */
  mkValue =
    v:
    if isGVariant v then
      v
    else if builtins.isInt v then
      throw "The GVariant type for number “${toString v}” is unclear. Please wrap the value with one of: ${
        concatMapStringsSep ", " (c: "mkGvariant ${c.name}") intConstructors
      }."
    else if builtins.isList v then
      mkArray v
    else if builtins.isFloat v then
      mkDouble v
    else if isString v then
      mkString v
    else if builtins.isBool v then
      mkBoolean v
    else if builtins.isAttrs v then
      throw "Cannot construct a GVariant value from an attribute set; use dictionary entries in an array."
    else
      throw "The GVariant type of “${builtins.typeOf v}” can't be inferred.";

  /**
    A list of values of one type.

    Type: `mkArray :: [Any] -> GVariant`
  */
  mkArray =
    elems:
    let
      values = map mkValue (if elems == [ ] then throw "Please create empty array with mkEmptyArray." else elems);
    in
    make (type.arrayOf (commonType values)) values (
      self: "@${self.type} [${concatMapStringsSep "," toString self.value}]"
    );

  /**
    A list without elements.

    Type: `mkEmptyArray :: String -> GVariant`

    Example: `toString (lib.gvariant.mkEmptyArray "u")` is `"@au []"`
  */
  mkEmptyArray = t: make (type.arrayOf t) [ ] (self: "@${self.type} []");

  /**
    A value that carries its type along.

    Type: `mkVariant :: Any -> GVariant`

    Example: `toString (lib.gvariant.mkVariant "foo")` is `"<'foo'>"`
  */
  mkVariant = v: make type.variant (mkValue v) (self: "<${toString self.value}>");

  /**
    A key with its value.

    Type: `mkDictionaryEntry :: Any -> Any -> GVariant`
  */
  mkDictionaryEntry =
    name: value:
    let
      key = mkValue name;
      val = mkValue value;
    in
    make (type.dictionaryEntryOf key.type val.type) { inherit key val; } (
      self: "@${self.type} {${toString key},${toString val}}"
    );

  /**
    A value that may be missing.

    Type: `mkMaybe :: String -> (GVariant | Null) -> GVariant`
  */
  mkMaybe =
    t: v:
    make (type.maybeOf t) v (
      self: if self.value == null then "@${self.type} nothing" else "just ${toString self.value}"
    );

  /**
    A missing value.

    Type: `mkNothing :: String -> GVariant`

    Example: `toString (lib.gvariant.mkNothing "s")` is `"@ms nothing"`
  */
  mkNothing = t: mkMaybe t null;

  /**
    A value that is there but could be missing.

    Type: `mkJust :: Any -> GVariant`
  */
  mkJust =
    v:
    let
      value = mkValue v;
    in
    mkMaybe value.type value;

  /**
    Several values of any types.

    Type: `mkTuple :: [Any] -> GVariant`
  */
  mkTuple =
    elems:
    let
      values = map mkValue elems;
    in
    make (type.tupleOf (map (v: v.type) values)) values (
      self: "@${self.type} (${concatMapStringsSep "," toString self.value})"
    );

  /**
    A boolean.

    Type: `mkBoolean :: Bool -> GVariant`
  */
  mkBoolean = v: make type.boolean v (self: lib.boolToString self.value);

  /**
    A string.

    Type: `mkString :: String -> GVariant`

    Example: `toString (lib.gvariant.mkString "it's")` is `"'it\\'s'"`
  */
  mkString = v: make type.string v (self: quote self.value);

  /**
    The path of a D-Bus object.

    Type: `mkObjectpath :: String -> GVariant`
  */
  mkObjectpath = v: make type.objectpath v (self: "objectpath ${quote self.value}");

  /**
    One byte.

    Type: `mkUchar :: Int -> GVariant`
  */
  mkUchar = number type.uchar "@y ";

  /**
    A signed integer of 16 bits.

    Type: `mkInt16 :: Int -> GVariant`
  */
  mkInt16 = number type.int16 "@n ";

  /**
    An unsigned integer of 16 bits.

    Type: `mkUint16 :: Int -> GVariant`
  */
  mkUint16 = number type.uint16 "@q ";

  /**
    A signed integer of 32 bits.

    Type: `mkInt32 :: Int -> GVariant`
  */
  mkInt32 = number type.int32 "";

  /**
    An unsigned integer of 32 bits.

    Type: `mkUint32 :: Int -> GVariant`

    Example: `toString (lib.gvariant.mkUint32 42)` is `"@u 42"`
  */
  mkUint32 = number type.uint32 "@u ";

  /**
    A signed integer of 64 bits.

    Type: `mkInt64 :: Int -> GVariant`
  */
  mkInt64 = number type.int64 "@x ";

  /**
    An unsigned integer of 64 bits.

    Type: `mkUint64 :: Int -> GVariant`
  */
  mkUint64 = number type.uint64 "@t ";

  /**
    A floating point number.

    Type: `mkDouble :: Float -> GVariant`
  */
  mkDouble = number type.double "";
}
