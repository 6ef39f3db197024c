/**
  Attribute sets: paths into them, mapping, filtering, merging, and the
  outputs of derivations, which are attribute sets too.
*/
{ lib }:
let
  inherit (builtins)
    concatLists
    elemAt
    filter
    foldl'
    head
    isString
    length
    map
    ;
in
rec {
  inherit (builtins)
    attrNames
    attrValues
    catAttrs
    getAttr
    hasAttr
    intersectAttrs
    isAttrs
    listToAttrs
    mapAttrs
    removeAttrs
    zipAttrsWith
    ;

  /**
    The value at a path, or the default where the path ends early.

    Type: `attrByPath :: [String] -> a -> AttrSet -> a`

    Example: `attrByPath [ "a" "b" ] 6 { a.b = 3; }` is `3`
  */
  attrByPath =
    path: default: set:
    let
      n = length path;
      walk =
        i: value:
        if i == n then
          value
        else
          let
            name = elemAt path i;
          in
          if isAttrs value && value ? ${name} then walk (i + 1) value.${name} else default;
    in
    walk 0 set;

  /**
    Whether a path leads to a value.

    Type: `hasAttrByPath :: [String] -> AttrSet -> Bool`

    Example: `hasAttrByPath [ "a" "b" ] { a.c = 3; }` is `false`
  */
  hasAttrByPath =
    path: set:
    let
      n = length path;
      walk =
        i: value:
        i == n
        || (
          let
            name = elemAt path i;
          in
          isAttrs value && value ? ${name} && walk (i + 1) value.${name}
        );
    in
    walk 0 set;

  /**
    The longest beginning of a path that exists in a value.

    Type: `longestValidPathPrefix :: [String] -> Any -> [String]`

    Example: `lib.attrsets.longestValidPathPrefix [ "a" "x" ] { a = null; }` is `[ "a" ]`
  */
  longestValidPathPrefix =
    path: set:
    let
      n = length path;
      reach =
        i: value:
        if i == n then
          i
        else
          let
            name = elemAt path i;
          in
          if isAttrs value && value ? ${name} then reach (i + 1) value.${name} else i;
    in
    lib.take (reach 0 set) path;

  /**
    A set that has only the value at the path.

    Type: `setAttrByPath :: [String] -> a -> AttrSet`

    Example: `setAttrByPath [ "a" "b" ] 3` is `{ a.b = 3; }`
  */
  setAttrByPath =
    path: value:
    let
      n = length path;
      nest = i: if i == n then value else { ${elemAt path i} = nest (i + 1); };
    in
    nest 0;

  /**
    The value at a path; an error that names the path where there is none.

    Type: `getAttrFromPath :: [String] -> AttrSet -> a`

    Example: `getAttrFromPath [ "a" "b" ] { a.b = 3; }` is `3`
  */
  getAttrFromPath =
    path: set: attrByPath path (abort "cannot find attribute '${lib.concatStringsSep "." path}'") set;

  /**
    Apply a list of updates, each `{ path, update }`, to the values at their
    paths. A path that is not there yet passes a failing value to its function.

    Type: `updateManyAttrsByPath :: [{ path :: [String]; update :: a -> b; }] -> AttrSet -> AttrSet`

    Example: `updateManyAttrsByPath [ { path = [ "a" "b" ]; update = old: old + 1; } ] { a.b = 0; }` is `{ a.b = 1; }`
  */
  updateManyAttrsByPath =
    let
      go =
        depth: hasValue: value: updates:
        let
          split = lib.partition (u: length u.path == depth) updates;
          below = builtins.groupBy (u: elemAt u.path depth) split.wrong;
          here =
            if split.wrong == [ ] then
              value
            else if hasValue && !isAttrs value then
              throw "updateManyAttrsByPath: Path '${
                showAttrPath (lib.take depth (head split.wrong).path)
              }' is not an attribute set, but the updates require it"
            else
              (if hasValue then value else { })
              // mapAttrs (
                name: go (depth + 1) (hasValue && value ? ${name}) (if hasValue then value.${name} or null else null)
              ) below;
          start =
            if hasValue || split.wrong != [ ] then
              here
            else
              throw "updateManyAttrsByPath: Path '${
                showAttrPath (head split.right).path
              }' does not exist in the given value, but the first update to this path tries to access the existing value";
        in
        # Last in the list runs last; each gets what the one before left.
        lib.foldl (acc: u: u.update acc) start split.right;
    in
    updates: value: go 0 true value updates;

  /**
    The values of the named attributes, in the order of the names.

    Type: `attrVals :: [String] -> AttrSet -> [a]`

    Example: `attrVals [ "b" "a" ] { a = 1; b = 2; }` is `[ 2 1 ]`
  */
  attrVals = names: set: map (name: set.${name}) names;

  /**
    Only the named attributes; each must exist.

    Type: `getAttrs :: [String] -> AttrSet -> AttrSet`

    Example: `getAttrs [ "a" ] { a = 1; b = 2; }` is `{ a = 1; }`
  */
  getAttrs = names: set: genAttrs names (name: set.${name});

  /**
    Keep the attributes for which the predicate of name and value holds.

    Type: `filterAttrs :: (String -> a -> Bool) -> AttrSet -> AttrSet`

    Example: `filterAttrs (n: v: v > 1) { a = 1; b = 2; }` is `{ b = 2; }`
  */
  filterAttrs =
    pred: set: removeAttrs set (filter (name: !pred name set.${name}) (attrNames set));

  /**
    `filterAttrs` at every depth.

    Type: `filterAttrsRecursive :: (String -> a -> Bool) -> AttrSet -> AttrSet`

    Example: `filterAttrsRecursive (n: v: v != null) { a = { b = null; c = 1; }; }` is `{ a = { c = 1; }; }`
  */
  filterAttrsRecursive =
    pred: set:
    listToAttrs (
      lib.concatMap (
        name:
        let
          value = set.${name};
        in
        if pred name value then
          [ (nameValuePair name (if isAttrs value then filterAttrsRecursive pred value else value)) ]
        else
          [ ]
      ) (attrNames set)
    );

  /**
    Fold over the attributes in the order of their names.

    Type: `foldlAttrs :: (acc -> String -> a -> acc) -> acc -> AttrSet -> acc`

    Example: `foldlAttrs (acc: n: v: acc + v) 0 { a = 1; b = 2; }` is `3`
  */
  foldlAttrs =
    f: init: set:
    foldl' (acc: name: f acc name set.${name}) init (attrNames set);

  /**
    Fold, for every name that occurs, over the values it has in a list of sets.

    Type: `foldAttrs :: (a -> b -> b) -> b -> [AttrSet] -> AttrSet`

    Example: `foldAttrs (x: acc: [ x ] ++ acc) [ ] [ { a = 1; } { a = 2; b = 3; } ]` is `{ a = [ 1 2 ]; b = [ 3 ]; }`
  */
  foldAttrs =
    op: nul: sets:
    zipAttrsWith (_: lib.foldr op nul) sets;

  /**
    All values for which the predicate holds, searched depth first; the search
    does not go into what it has found.

    Type: `collect :: (a -> Bool) -> AttrSet -> [a]`

    Example: `collect isList { a = { b = [ "b" ]; }; c = [ 1 ]; }` is `[ [ "b" ] [ 1 ] ]`
  */
  collect =
    pred: value:
    if pred value then
      [ value ]
    else if isAttrs value then
      lib.concatMap (collect pred) (attrValues value)
    else
      [ ];

  /**
    Every choice of one value per attribute. The last attribute varies fastest.

    Type: `cartesianProduct :: { ${name} :: [a] } -> [{ ${name} :: a }]`

    Example: `cartesianProduct { a = [ 1 2 ]; b = [ 10 ]; }` is `[ { a = 1; b = 10; } { a = 2; b = 10; } ]`
  */
  cartesianProduct =
    set:
    foldl' (
      acc: name:
      lib.concatMap (partial: map (value: partial // { ${name} = value; }) set.${name}) acc
    ) [ { } ] (attrNames set);

  /**
    A function applied to every element of `cartesianProduct`.

    Type: `mapCartesianProduct :: (AttrSet -> b) -> { ${name} :: [a] } -> [b]`

    Example: `mapCartesianProduct ({ a, b }: a + b) { a = [ 1 2 ]; b = [ 10 20 ]; }` is `[ 11 21 12 22 ]`
  */
  mapCartesianProduct = f: set: map f (cartesianProduct set);

  /**
    What `listToAttrs` wants.

    Type: `nameValuePair :: String -> a -> { name :: String; value :: a; }`

    Example: `nameValuePair "x" 1` is `{ name = "x"; value = 1; }`
  */
  nameValuePair = name: value: { inherit name value; };

  /**
    Map names as well as values; where two attributes get one name the first
    (by old name) wins.

    Type: `mapAttrs' :: (String -> a -> { name, value }) -> AttrSet -> AttrSet`

    Example: `mapAttrs' (n: v: nameValuePair ("x_" + n) (v + 1)) { a = 1; }` is `{ x_a = 2; }`
  */
  mapAttrs' = f: set: listToAttrs (map (name: f name set.${name}) (attrNames set));

  /**
    A list of what the function makes of each name and value.

    Type: `mapAttrsToList :: (String -> a -> b) -> AttrSet -> [b]`

    Example: `mapAttrsToList (n: v: n + v) { a = "1"; b = "2"; }` is `[ "a1" "b2" ]`
  */
  mapAttrsToList = f: set: attrValues (mapAttrs f set);

  /**
    A list of name-value pairs; `listToAttrs` undoes it.

    Type: `attrsToList :: AttrSet -> [{ name :: String; value :: a; }]`

    Example: `attrsToList { a = 1; }` is `[ { name = "a"; value = 1; } ]`
  */
  attrsToList = mapAttrsToList nameValuePair;

  /**
    Map every attribute to a set and merge them all; later names win.

    Type: `concatMapAttrs :: (String -> a -> AttrSet) -> AttrSet -> AttrSet`

    Example: `concatMapAttrs (n: v: { ${n} = v; ${n + "2"} = v; }) { x = 1; }` is `{ x = 1; x2 = 1; }`
  */
  concatMapAttrs = f: set: mergeAttrsList (attrValues (mapAttrs f set));

  /**
    Map the leaves of nested sets with their attribute paths.

    Type: `mapAttrsRecursive :: ([String] -> a -> b) -> AttrSet -> AttrSet`

    Example: `mapAttrsRecursive (path: v: lib.concatStringsSep "-" (path ++ [ v ])) { a.b = "c"; }` is `{ a.b = "a-b-c"; }`
  */
  mapAttrsRecursive = mapAttrsRecursiveCond (_: true);

  /**
    `mapAttrsRecursive` that takes for leaves also those sets for which the
    condition does not hold.

    Type: `mapAttrsRecursiveCond :: (AttrSet -> Bool) -> ([String] -> a -> b) -> AttrSet -> AttrSet`

    Example: `mapAttrsRecursiveCond (v: !(v ? stop)) (path: v: length path) { a.b = 1; c.stop = 1; }` is `{ a.b = 2; c = 1; }`
  */
  mapAttrsRecursiveCond =
    cond: f: set:
    let
      recurse =
        path:
        mapAttrs (
          name: value:
          let
            here = path ++ [ name ];
          in
          if isAttrs value && cond value then recurse here value else f here value
        );
    in
    recurse [ ] set;

  /**
    A list of what the function makes of each leaf and its path.

    Type: `mapAttrsToListRecursive :: ([String] -> a -> b) -> AttrSet -> [b]`

    Example: `mapAttrsToListRecursive (path: v: "${lib.concatStringsSep "." path}=${v}") { a.b = "1"; c = "2"; }` is `[ "a.b=1" "c=2" ]`
  */
  mapAttrsToListRecursive = mapAttrsToListRecursiveCond (_: _: true);

  /**
    `mapAttrsToListRecursive` with a condition of path and set that says
    whether to go into a set.

    Type: `mapAttrsToListRecursiveCond :: ([String] -> AttrSet -> Bool) -> ([String] -> a -> b) -> AttrSet -> [b]`

    Example: `mapAttrsToListRecursiveCond (path: v: length path < 1) (path: v: path) { a.b.c = 1; }` is `[ [ "a" ] ]`
  */
  mapAttrsToListRecursiveCond =
    cond: f: set:
    let
      leaves =
        path: value:
        if isAttrs value && cond path value then
          concatLists (map (name: leaves (path ++ [ name ]) value.${name}) (attrNames value))
        else
          [ (f path value) ];
    in
    concatLists (map (name: leaves [ name ] set.${name}) (attrNames set));

  /**
    A set with the given names whose values a function makes from the names.

    Type: `genAttrs :: [String] -> (String -> a) -> AttrSet`

    Example: `genAttrs [ "x" "y" ] (n: "v" + n)` is `{ x = "vx"; y = "vy"; }`
  */
  genAttrs = names: f: listToAttrs (map (name: nameValuePair name (f name)) names);

  /**
    A set made from a list by a function that gives name and value.

    Type: `genAttrs' :: [a] -> (a -> { name, value }) -> AttrSet`

    Example: `genAttrs' [ 1 2 ] (i: nameValuePair "n${toString i}" i)` is `{ n1 = 1; n2 = 2; }`
  */
  genAttrs' = xs: f: listToAttrs (map f xs);

  /**
    Whether a value is a derivation.

    Type: `isDerivation :: Any -> Bool`

    Example: `isDerivation { }` is `false`
  */
  isDerivation = value: value.type or null == "derivation";

  /**
    A store path as if it were a derivation that has been built.

    Type: `toDerivation :: Path -> Derivation`
  */
  toDerivation =
    path:
    let
      storePath = if isString path && builtins.hasContext path then path else builtins.storePath path;
      self = {
        type = "derivation";
        name = builtins.unsafeDiscardStringContext (builtins.substring 33 (-1) (baseNameOf storePath));
        outPath = storePath;
        outputs = [ "out" ];
        out = self;
        outputName = "out";
      };
    in
    self;

  /**
    The set when the condition holds, otherwise an empty one.

    Type: `optionalAttrs :: Bool -> AttrSet -> AttrSet`

    Example: `optionalAttrs false { a = 1; }` is `{ }`
  */
  optionalAttrs = cond: set: if cond then set else { };

  /**
    Merge sets for the given names, each value made from the name and the list
    of values it has.

    Type: `zipAttrsWithNames :: [String] -> (String -> [a] -> b) -> [AttrSet] -> AttrSet`

    Example: `zipAttrsWithNames [ "a" ] (n: vs: vs) [ { a = 1; } { a = 2; b = 3; } ]` is `{ a = [ 1 2 ]; }`
  */
  zipAttrsWithNames =
    names: f: sets:
    genAttrs names (name: f name (catAttrs name sets));

  /**
    The values that each name has in a list of sets.

    Type: `zipAttrs :: [AttrSet] -> { ${name} :: [a] }`

    Example: `zipAttrs [ { a = 1; } { a = 2; } ]` is `{ a = [ 1 2 ]; }`
  */
  zipAttrs = zipAttrsWith (_: values: values);

  /**
    All sets of a list merged, later ones winning; in n log n steps where a
    fold with `//` would copy its result again and again.

    Type: `mergeAttrsList :: [AttrSet] -> AttrSet`

    Example: `mergeAttrsList [ { a = 0; } { a = 1; b = 2; } ]` is `{ a = 1; b = 2; }`
  */
  mergeAttrsList =
    sets:
    let
      between =
        from: to:
        let
          n = to - from;
          middle = from + n / 2;
        in
        if n > 2 then
          between from middle // between middle to
        else if n == 2 then
          elemAt sets from // elemAt sets (from + 1)
        else if n == 1 then
          elemAt sets from
        else
          { };
    in
    between 0 (length sets);

  /**
    Merge two sets, going into both where both have sets, until the predicate
    of path, left and right holds; from there on the right value wins.

    Type: `recursiveUpdateUntil :: ([String] -> a -> b -> Bool) -> AttrSet -> AttrSet -> AttrSet`

    Example: `recursiveUpdateUntil (path: l: r: path == [ "a" ]) { a.x = 1; b.x = 1; } { a.y = 2; b.y = 2; }` is `{ a.y = 2; b = { x = 1; y = 2; }; }`
  */
  recursiveUpdateUntil =
    pred: left: right:
    let
      merge =
        path: l: r:
        l
        // mapAttrs (
          name: value:
          let
            here = path ++ [ name ];
          in
          if !(l ? ${name}) || pred here l.${name} value then value else merge here l.${name} value
        ) r;
    in
    merge [ ] left right;

  /**
    Merge two sets at every depth; where not both values are sets the right
    one wins.

    Type: `recursiveUpdate :: AttrSet -> AttrSet -> AttrSet`

    Example: `recursiveUpdate { a = { x = 1; y = 2; }; } { a.y = 3; }` is `{ a = { x = 1; y = 3; }; }`
  */
  recursiveUpdate =
    let
      merge =
        l: r:
        l
        // mapAttrs (
          name: value: if isAttrs value && l ? ${name} && isAttrs l.${name} then merge l.${name} value else value
        ) r;
    in
    l: r: if isAttrs l && isAttrs r then merge l r else r;

  /**
    Whether everything in the pattern is in the value too.

    Type: `matchAttrs :: AttrSet -> AttrSet -> Bool`

    Example: `matchAttrs { cpu = { }; } { cpu = { bits = 64; }; }` is `true`
  */
  matchAttrs =
    pattern: value:
    assert isAttrs pattern;
    lib.all (
      name:
      value ? ${name}
      && (
        let
          want = pattern.${name};
          have = value.${name};
        in
        if isAttrs want then isAttrs have && matchAttrs want have else want == have
      )
    ) (attrNames pattern);

  /**
    Update those attributes of the first set that it has already.

    Type: `overrideExisting :: AttrSet -> AttrSet -> AttrSet`

    Example: `overrideExisting { a = 1; } { a = 2; b = 3; }` is `{ a = 2; }`
  */
  overrideExisting = old: new: old // intersectAttrs old new;

  /**
    An attribute path as one would write it, names quoted where they need it.

    Type: `showAttrPath :: [String] -> String`

    Example: `showAttrPath [ "a" "b c" ]` is `"a.\"b c\""`
  */
  showAttrPath =
    path:
    if path == [ ] then "<root attribute path>" else lib.concatMapStringsSep "." lib.strings.escapeNixIdentifier path;

  /**
    The first of several outputs that a package has; the package itself when
    it has none, or when the user has chosen an output already.

    Type: `getFirstOutput :: [String] -> Package -> Package`

    Example: `getFirstOutput [ "include" "dev" ] { dev = "d"; }` is `"d"`
  */
  getFirstOutput =
    names: pkg:
    if !(isAttrs pkg) || pkg.outputSpecified or false then
      pkg
    else
      let
        found = filter (name: pkg ? ${name}) (names ++ [ "out" ]);
      in
      if found == [ ] then pkg else pkg.${head found};

  /**
    One output of a package, else its `out`, else the package itself.

    Type: `getOutput :: String -> Package -> Package`

    Example: `getOutput "dev" { dev = "d"; out = "o"; }` is `"d"`
  */
  getOutput =
    name: pkg:
    if !(isAttrs pkg) || pkg.outputSpecified or false then pkg else pkg.${name} or pkg.out or pkg;

  /**
    The output with programs.

    Type: `getBin :: Package -> Package`

    Example: `getBin { bin = "b"; out = "o"; }` is `"b"`
  */
  getBin = getOutput "bin";

  /**
    The output with libraries.

    Type: `getLib :: Package -> Package`

    Example: `getLib { lib = "l"; out = "o"; }` is `"l"`
  */
  getLib = getOutput "lib";

  /**
    The output with static libraries, else the one with libraries.

    Type: `getStatic :: Package -> Package`

    Example: `getStatic { lib = "l"; out = "o"; }` is `"l"`
  */
  getStatic = getFirstOutput [
    "static"
    "lib"
  ];

  /**
    The output that one compiles against.

    Type: `getDev :: Package -> Package`

    Example: `getDev { out = "o"; }` is `"o"`
  */
  getDev = getOutput "dev";

  /**
    The output with header files.

    Type: `getInclude :: Package -> Package`

    Example: `getInclude { dev = "d"; out = "o"; }` is `"d"`
  */
  getInclude = getFirstOutput [
    "include"
    "dev"
  ];

  /**
    The output with manual pages.

    Type: `getMan :: Package -> Package`

    Example: `getMan { man = "m"; out = "o"; }` is `"m"`
  */
  getMan = getOutput "man";

  /**
    `getDev` of every package in a list.

    Type: `chooseDevOutputs :: [Package] -> [Package]`

    Example: `chooseDevOutputs [ { dev = "d"; } ]` is `[ "d" ]`
  */
  chooseDevOutputs = map getDev;

  /**
    Mark a set so that tools that look for packages go into it.

    Type: `recurseIntoAttrs :: AttrSet -> AttrSet`

    Example: `recurseIntoAttrs { }` is `{ recurseForDerivations = true; }`
  */
  recurseIntoAttrs = set: set // { recurseForDerivations = true; };

  /**
    Mark a set so that tools that look for packages leave it out.

    Type: `dontRecurseIntoAttrs :: AttrSet -> AttrSet`

    Example: `dontRecurseIntoAttrs { }` is `{ recurseForDerivations = false; }`
  */
  dontRecurseIntoAttrs = set: set // { recurseForDerivations = false; };

  /**
    Merge two sets that must have no name in common.

    Type: `unionOfDisjoint :: AttrSet -> AttrSet -> AttrSet`

    Example: `lib.attrsets.unionOfDisjoint { a = 1; } { b = 2; }` is `{ a = 1; b = 2; }`
  */
  unionOfDisjoint =
    x: y:
    let
      both = intersectAttrs x y;
      fail =
        name: _:
        throw "unionOfDisjoint: attribute ${name} is in both sets: ${lib.concatStringsSep " " (attrNames both)}";
    in
    x // y // mapAttrs fail both;
}
