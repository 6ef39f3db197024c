/**
  Properties: what a definition can be wrapped in (conditions, priorities,
  order, several at once), and how that is taken off again.

  A property is a set with `_type`. Anything else is a plain value.
*/
{ lib }:
let
  inherit (builtins)
    any
    concatMap
    filter
    foldl'
    isAttrs
    isBool
    mapAttrs
    ;

  isProperty = type: value: isAttrs value && value._type or "" == type;
in
rec {
  /**
    The priority of a plain definition.

    Type: `defaultOverridePriority :: Int`
  */
  defaultOverridePriority = 100;

  /**
    The order of a plain definition.

    Type: `defaultOrderPriority :: Int`
  */
  defaultOrderPriority = 1000;

  /**
    A definition that counts only when the condition holds.

    Type: `mkIf :: Bool -> a -> Property a`

    Example: `(mkIf true 1).content` is `1`
  */
  mkIf = condition: content: {
    _type = "if";
    inherit condition content;
  };

  /**
    A definition that fails with a message unless the assertion holds.

    Type: `mkAssert :: Bool -> String -> a -> Property a`
  */
  mkAssert =
    assertion: message: content:
    mkIf (if assertion then true else throw "\nFailed assertion: ${message}") content;

  /**
    Several definitions in one place.

    Type: `mkMerge :: [a] -> Property a`

    Example: `(mkMerge [ 1 2 ]).contents` is `[ 1 2 ]`
  */
  mkMerge = contents: {
    _type = "merge";
    inherit contents;
  };

  /**
    A definition with a priority: of several only those with the lowest number
    count.

    Type: `mkOverride :: Int -> a -> Property a`

    Example: `(mkOverride 10 "x").priority` is `10`
  */
  mkOverride = priority: content: {
    _type = "override";
    inherit priority content;
  };

  /**
    The priority of an option's own default.

    Type: `mkOptionDefault :: a -> Property a`

    Example: `(mkOptionDefault 1).priority` is `1500`
  */
  mkOptionDefault = mkOverride 1500;

  /**
    A definition that gives way to plain ones.

    Type: `mkDefault :: a -> Property a`

    Example: `(mkDefault 1).priority` is `1000`
  */
  mkDefault = mkOverride 1000;

  /**
    A definition that wins over plain ones.

    Type: `mkForce :: a -> Property a`

    Example: `(mkForce 1).priority` is `50`
  */
  mkForce = mkOverride 50;

  /**
    The priority of what images for installation media set.

    Type: `mkImageMediaOverride :: a -> Property a`

    Example: `(mkImageMediaOverride 1).priority` is `60`
  */
  mkImageMediaOverride = mkOverride 60;

  /**
    The priority of what a virtual machine for tests sets.

    Type: `mkVMOverride :: a -> Property a`

    Example: `(mkVMOverride 1).priority` is `10`
  */
  mkVMOverride = mkOverride 10;

  /**
    A definition with a place among others: lower numbers come first.

    Type: `mkOrder :: Int -> a -> Property a`

    Example: `(mkOrder 5 [ ]).priority` is `5`
  */
  mkOrder = priority: content: {
    _type = "order";
    inherit priority content;
  };

  /**
    A definition that comes before plain ones.

    Type: `mkBefore :: a -> Property a`

    Example: `(mkBefore [ ]).priority` is `500`
  */
  mkBefore = mkOrder 500;

  /**
    A definition that comes after plain ones.

    Type: `mkAfter :: a -> Property a`

    Example: `(mkAfter [ ]).priority` is `1500`
  */
  mkAfter = mkOrder 1500;

  /**
    A value with the file that messages shall name for it.

    Type: `mkDefinition :: { file :: String; value :: a; } -> Property a`

    Example: `(mkDefinition { file = "a"; value = 1; }).file` is `"a"`
  */
  mkDefinition = args@{ file, value, ... }: args // { _type = "definition"; };

  /**
    A set of definitions with its properties pushed to the attributes, as a
    list of plain sets.

    Type: `pushDownProperties :: Property AttrSet -> [AttrSet]`

    Example: `pushDownProperties (mkMerge [ { a = 1; } { b = 2; } ])` is `[ { a = 1; } { b = 2; } ]`
  */
  pushDownProperties =
    cfg:
    if !(isAttrs cfg && cfg ? _type) then
      [ cfg ]
    else if cfg._type == "merge" then
      concatMap pushDownProperties cfg.contents
    else if cfg._type == "if" then
      map (mapAttrs (_: mkIf cfg.condition)) (pushDownProperties cfg.content)
    else if cfg._type == "override" then
      map (mapAttrs (_: mkOverride cfg.priority)) (pushDownProperties cfg.content)
    else
      [ cfg ];

  /**
    A definition with its conditions decided and its merges expanded, as a
    list of values.

    Type: `dischargeProperties :: Property a -> [a]`

    Example: `dischargeProperties (mkMerge [ 1 (mkIf false 2) ])` is `[ 1 ]`
  */
  dischargeProperties =
    def:
    if !(isAttrs def && def ? _type) then
      [ def ]
    else if def._type == "merge" then
      concatMap dischargeProperties def.contents
    else if def._type == "if" then
      if isBool def.condition then
        (if def.condition then dischargeProperties def.content else [ ])
      else
        throw "‘mkIf’ called with a non-Boolean condition"
    else
      [ def ];

  /**
    The definitions of the highest priority, with the priorities taken off,
    and what that priority is.

    Type: `filterOverrides' :: [Definition] -> { values :: [Definition]; highestPrio :: Int; }`

    Example: `(lib.modules.filterOverrides' [ { file = "a"; value = mkForce 1; } { file = "b"; value = 2; } ]).highestPrio` is `50`
  */
  filterOverrides' =
    defs:
    let
      prio =
        def: if isProperty "override" def.value then def.value.priority else defaultOverridePriority;
      highestPrio = foldl' (best: def: lib.min (prio def) best) 9999 defs;
      # What a priority is put on may be conditional or several in its turn;
      # that of a definition that lost is not looked at.
      strip =
        def:
        let
          inherit (def.value) content;
        in
        if !isProperty "override" def.value then
          [ def ]
        else if isProperty "if" content || isProperty "merge" content then
          map (value: def // { inherit value; }) (dischargeProperties content)
        else
          [ (def // { value = content; }) ];
    in
    {
      values = concatMap strip (filter (def: prio def == highestPrio) defs);
      inherit highestPrio;
    };

  /**
    The definitions of the highest priority.

    Type: `filterOverrides :: [Definition] -> [Definition]`

    Example: `filterOverrides [ { file = "a"; value = mkForce 1; } { file = "b"; value = 2; } ]` is `[ { file = "a"; value = 1; } ]`
  */
  filterOverrides = defs: (filterOverrides' defs).values;

  /**
    Definitions in their order, with the order taken off.

    Type: `sortProperties :: [Definition] -> [Definition]`

    Example: `sortProperties [ { value = 1; } { value = mkBefore 2; } ]` is `[ { value = 2; } { value = 1; } ]`
  */
  sortProperties =
    defs:
    let
      strip =
        def:
        if isProperty "order" def.value then
          def
          // {
            value = def.value.content;
            inherit (def.value) priority;
          }
        else
          def;
      place = def: def.priority or defaultOrderPriority;
    in
    if any (def: isProperty "order" def.value) defs then
      map (def: removeAttrs def [ "priority" ]) (builtins.sort (a: b: place a < place b) (map strip defs))
    else
      defs;

  /**
    A definition that is the value of another option, mapped.

    Type: `mkDerivedConfig :: Option -> (a -> b) -> Property b`
  */
  mkDerivedConfig =
    opt: f:
    mkOverride (opt.highestPrio or defaultOverridePriority) (f opt.value);

  /**
    The definition of an option as the value of another, priority kept.

    Type: `mkAliasDefinitions :: Option -> Property a`
  */
  mkAliasDefinitions = mkAliasAndWrapDefinitions lib.id;

  /**
    `mkAliasDefinitions` with a function applied to the definitions.

    Type: `mkAliasAndWrapDefinitions :: (Property a -> b) -> Option -> Property b`
  */
  mkAliasAndWrapDefinitions = wrap: option: mkAliasIfDef option (wrap (mkMerge option.definitions));

  /**
    `mkAliasAndWrapDefinitions` that keeps the priority of what it copies.

    Type: `mkAliasAndWrapDefsWithPriority :: (Property a -> b) -> Option -> Property b`
  */
  mkAliasAndWrapDefsWithPriority =
    wrap: option:
    let
      prio = option.highestPrio or defaultOverridePriority;
    in
    mkAliasIfDef option (wrap (mkMerge (map (mkOverride prio) option.definitions)));

  /**
    A definition that counts only when an option has a definition of its own.

    Type: `mkAliasIfDef :: Option -> a -> Property a`
  */
  mkAliasIfDef = option: mkIf (lib.isOption option && option.isDefined);

  /**
    The identity; kept for old modules.

    Type: `mkFixStrictness :: a -> a`

    Example: `mkFixStrictness 1` is `1`
  */
  mkFixStrictness = lib.id;
}
