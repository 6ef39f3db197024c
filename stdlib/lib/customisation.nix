/**
  Packages as functions of their dependencies: calling them, overriding their
  arguments, and sets of packages that know each other.
*/
{ lib }:
let
  inherit (builtins)
    attrNames
    intersectAttrs
    isAttrs
    listToAttrs
    mapAttrs
    ;
  inherit (lib)
    functionArgs
    isFunction
    mirrorFunctionArgs
    optionalAttrs
    setFunctionArgs
    ;

  # Up to three names close to a mistyped one, nearest first.
  suggestions =
    name: candidates:
    let
      near = builtins.filter (c: lib.strings.levenshteinAtMost 2 name c) candidates;
      sorted = lib.sortOn (lib.strings.levenshtein name) near;
      shown = map (c: "\"${c}\"") (lib.take 3 sorted);
    in
    if shown == [ ] then
      ""
    else if builtins.length shown == 1 then
      ", did you mean ${builtins.head shown}?"
    else
      ", did you mean ${lib.concatStringsSep ", " (lib.init shown)} or ${lib.last shown}?";
in
rec {
  /**
    A derivation with some of the arguments of `derivation` changed. It forces
    the old derivation; `overrideAttrs` does not and is usually better.

    Type: `overrideDerivation :: Derivation -> (Derivation -> AttrSet) -> Derivation`
  */
  overrideDerivation =
    drv: f:
    let
      new = derivation (drv.drvAttrs // f drv);
    in
    lib.flip (extendDerivation (builtins.seq drv.drvPath true)) new (
      {
        meta = drv.meta or { };
        passthru = drv.passthru or { };
      }
      // (drv.passthru or { })
      // optionalAttrs (drv ? __spliced) {
        __spliced = { } // mapAttrs (_: spliced: overrideDerivation spliced f) drv.__spliced;
      }
    );

  /**
    A function whose result carries `override`, which calls the function again
    with some arguments changed. What else the function's result can do
    (`overrideAttrs`, being a function) stays possible.

    Type: `makeOverridable :: (AttrSet -> a) -> AttrSet -> a`

    Example: `((makeOverridable ({ a, b }: { sum = a + b; }) { a = 1; b = 2; }).override { a = 10; }).sum` is `12`
  */
  makeOverridable =
    f:
    let
      mirror = mirrorFunctionArgs f;
      callable = g: if isAttrs f then f // mirror g else mirror g;
      call =
        args:
        let
          result = f args;
          override = mirror (
            new: makeOverridable f (args // (if isFunction new then new args else new))
          );
          change = g: makeOverridable (callable (args: g (f args))) args;
        in
        if isAttrs result then
          result
          // {
            inherit override;
            overrideDerivation = fdrv: change (drv: overrideDerivation drv fdrv);
          }
          // optionalAttrs (result ? overrideAttrs) {
            overrideAttrs = fdrv: change (drv: drv.overrideAttrs fdrv);
          }
        else if isFunction result then
          setFunctionArgs result (functionArgs result) // { inherit override; }
        else
          result;
    in
    callable call
    // optionalAttrs (isAttrs f && f ? override) {
      override = new: makeOverridable (f.override new);
    };

  /**
    Call a function, or the function in a file, with those of the given
    packages that it names, and with further arguments.

    Type: `callPackageWith :: AttrSet -> ((AttrSet -> a) | Path) -> AttrSet -> a`

    Example: `(callPackageWith { x = 1; } ({ x, y ? 2 }: { sum = x + y; }) { }).sum` is `3`
  */
  callPackageWith =
    pkgs: fn: args:
    let
      f = if isFunction fn then fn else import fn;
      wanted = functionArgs f;
      all = intersectAttrs wanted pkgs // args;
      missing = builtins.filter (name: !wanted.${name} && !(all ? ${name})) (attrNames wanted);
      first = builtins.head missing;
      pos = builtins.unsafeGetAttrPos first wanted;
      where =
        if pos != null then
          "${pos.file}:${toString pos.line}"
        else if isFunction fn then
          "<unknown location>"
        else
          toString fn;
    in
    if missing == [ ] then
      makeOverridable f all
    else
      abort "lib.customisation.callPackageWith: Function called without required argument \"${first}\" at ${where}${
        suggestions first (attrNames (pkgs // args))
      }";

  /**
    `callPackageWith` for a function that gives a set of packages; each gets
    an `override` of its own.

    Type: `callPackagesWith :: AttrSet -> ((AttrSet -> AttrSet) | Path) -> AttrSet -> AttrSet`

    Example: `(callPackagesWith { x = 1; } ({ x }: { a = { v = x; }; }) { }).a.v` is `1`
  */
  callPackagesWith =
    pkgs: fn: args:
    let
      f = if isFunction fn then fn else import fn;
      all = intersectAttrs (functionArgs f) pkgs // args;
      mirror = mirrorFunctionArgs f;
      result = f all;
    in
    if lib.isDerivation result then
      throw "function `callPackages` was called on a *single* derivation \"${
        result.name or "<unknown-name>"
      }\"; did you mean to use `callPackage` instead?"
    else
      mapAttrs (name: _: makeOverridable (mirror (new: (f new).${name})) all) result;

  /**
    A derivation with attributes added that do not change what is built, in
    every output; asking for paths fails unless the condition holds.

    Type: `extendDerivation :: Bool -> AttrSet -> Derivation -> Derivation`
  */
  extendDerivation =
    condition: passthru: drv:
    let
      outputs = drv.outputs or [ "out" ];
      output =
        name:
        common
        // {
          inherit (drv.${name}) type outputName;
          outputSpecified = true;
          drvPath =
            assert condition;
            drv.${name}.drvPath;
          outPath =
            assert condition;
            drv.${name}.outPath;
        }
        // optionalAttrs (drv ? passthru) { inherit (drv) passthru; };
      perOutput = map (name: {
        inherit name;
        value = output name;
      }) outputs;
      common =
        drv
        // listToAttrs perOutput
        // { all = map (o: o.value) perOutput; }
        // passthru;
    in
    common
    // {
      drvPath =
        assert condition;
        drv.drvPath;
      outPath =
        assert condition;
        drv.outPath;
    };

  /**
    A derivation with only what a build farm needs, all of it forced, so that
    the memory of its evaluation can be given back.

    Type: `hydraJob :: (Derivation | a) -> a`
  */
  hydraJob =
    drv:
    let
      kept = {
        inherit (drv) name system meta;
        outputs = drv.outputs or [ "out" ];
        type = "derivation";
        drvPath = drv.drvPath;
        outPath = drv.outPath;
        outputName = drv.outputName;
        _hydraAggregate = drv._hydraAggregate or false;
        constituents = drv.constituents or [ ];
      };
      outputs = map (name: {
        inherit name;
        value = {
          outPath = drv.${name}.outPath;
          drvPath = drv.${name}.drvPath;
          type = "derivation";
          outputName = name;
        };
      }) kept.outputs;
      job = kept // listToAttrs outputs;
    in
    if drv == null then null else lib.deepSeq kept job;

  /**
    A set of packages that can call each other by `callPackage` and that an
    overlay can change.

    Type: `makeScope :: (AttrSet -> (fn -> AttrSet -> a)) -> (AttrSet -> AttrSet) -> AttrSet`

    Example: `(makeScope callPackageWith (self: { a = 1; b = self.callPackage ({ a }: a + 1) { }; })).b` is `2`
  */
  makeScope =
    newScope: f:
    let
      self = {
        newScope = scope: newScope (self // scope);
        callPackage = self.newScope { };
      }
      // f self
      // {
        overrideScope = overlay: makeScope newScope (lib.extends overlay f);
        packages = f;
      };
    in
    self;

  /**
    `makeScope` for sets that exist once per platform of a cross build.

    Type: `makeScopeWithSplicing' :: { splicePackages, newScope } -> { otherSplices, keep ?, extra ?, f } -> AttrSet`
  */
  makeScopeWithSplicing' =
    {
      splicePackages,
      newScope,
    }:
    {
      otherSplices,
      keep ? _: { },
      extra ? _: { },
      f,
    }:
    let
      spliced0 = splicePackages (
        renameCrossIndexTo "pkgs" (renameCrossIndexFrom "self" otherSplices // { hostTarget = self; })
      );
      spliced = extra spliced0 // spliced0 // keep self;
      self =
        f self
        // {
          newScope = scope: newScope (spliced // scope);
          callPackage = newScope spliced;
          overrideScope =
            overlay:
            makeScopeWithSplicing' { inherit splicePackages newScope; } {
              inherit otherSplices keep extra;
              f = lib.extends overlay f;
            };
          packages = f;
        };
    in
    self;

  /**
    `makeScopeWithSplicing'` with arguments by position.

    Type: `makeScopeWithSplicing :: splicePackages -> newScope -> otherSplices -> keep -> extra -> f -> AttrSet`
  */
  makeScopeWithSplicing =
    splicePackages: newScope: otherSplices: keep: extra: f:
    makeScopeWithSplicing' { inherit splicePackages newScope; } {
      inherit
        otherSplices
        keep
        extra
        f
        ;
    };

  /**
    A builder of derivations made from another one, with `finalAttrs` and
    `overrideAttrs` working through both. `extendDrvArgs finalAttrs args`
    gives the attributes to add.

    Type: `extendMkDerivation :: { constructDrv, extendDrvArgs, excludeDrvArgNames ?, excludeFunctionArgNames ?, inheritFunctionArgs ?, transformDrv ? } -> (AttrSet | (AttrSet -> AttrSet)) -> Derivation`
  */
  extendMkDerivation =
    {
      constructDrv,
      extendDrvArgs,
      excludeDrvArgNames ? [ ],
      excludeFunctionArgNames ? [ ],
      inheritFunctionArgs ? true,
      transformDrv ? lib.id,
    }:
    setFunctionArgs (
      fpargs:
      transformDrv (
        constructDrv (
          final:
          let
            args = lib.toFunction fpargs final;
          in
          removeAttrs args excludeDrvArgNames // extendDrvArgs final args
        )
      )
    ) (
      removeAttrs (
        optionalAttrs inheritFunctionArgs (functionArgs constructDrv) // functionArgs (extendDrvArgs { })
      ) excludeFunctionArgNames
    )
    // {
      inherit
        constructDrv
        excludeDrvArgNames
        extendDrvArgs
        transformDrv
        ;
    };

  /**
    A function applied to each of the six package sets of a cross build.

    Type: `mapCrossIndex :: (a -> b) -> { buildBuild, … } -> { buildBuild, … }`

    Example: `(mapCrossIndex (x: x * 10) { buildBuild = 1; buildHost = 2; buildTarget = 3; hostHost = 4; hostTarget = 5; targetTarget = 6; }).hostTarget` is `50`
  */
  mapCrossIndex =
    f:
    {
      buildBuild,
      buildHost,
      buildTarget,
      hostHost,
      hostTarget,
      targetTarget,
    }:
    {
      buildBuild = f buildBuild;
      buildHost = f buildHost;
      buildTarget = f buildTarget;
      hostHost = f hostHost;
      hostTarget = f hostTarget;
      targetTarget = f targetTarget;
    };

  /**
    The six sets with a prefix taken from their names.

    Type: `renameCrossIndexFrom :: String -> AttrSet -> { buildBuild, … }`

    Example: `(renameCrossIndexFrom "pkgs" { pkgsBuildBuild = 1; pkgsBuildHost = 2; pkgsBuildTarget = 3; pkgsHostHost = 4; pkgsHostTarget = 5; pkgsTargetTarget = 6; }).buildHost` is `2`
  */
  renameCrossIndexFrom = prefix: set: {
    buildBuild = set."${prefix}BuildBuild";
    buildHost = set."${prefix}BuildHost";
    buildTarget = set."${prefix}BuildTarget";
    hostHost = set."${prefix}HostHost";
    hostTarget = set."${prefix}HostTarget";
    targetTarget = set."${prefix}TargetTarget";
  };

  /**
    The six sets with a prefix put before their names.

    Type: `renameCrossIndexTo :: String -> { buildBuild, … } -> AttrSet`

    Example: `(renameCrossIndexTo "self" { buildBuild = 1; buildHost = 2; buildTarget = 3; hostHost = 4; hostTarget = 5; targetTarget = 6; }).selfBuildHost` is `2`
  */
  renameCrossIndexTo = prefix: set: {
    "${prefix}BuildBuild" = set.buildBuild;
    "${prefix}BuildHost" = set.buildHost;
    "${prefix}BuildTarget" = set.buildTarget;
    "${prefix}HostHost" = set.hostHost;
    "${prefix}HostTarget" = set.hostTarget;
    "${prefix}TargetTarget" = set.targetTarget;
  };
}
