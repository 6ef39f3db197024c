/**
  What packages say about themselves: names, priorities, licences, platforms
  and main programs.
*/
{ lib }:
rec {
  /**
    A derivation with attributes added to its `meta`.

    Type: `addMetaAttrs :: AttrSet -> Derivation -> Derivation`

    Example: `addMetaAttrs { a = 1; } { meta.b = 2; }` is `{ meta = { a = 1; b = 2; }; }`
  */
  addMetaAttrs =
    new: drv:
    if drv ? overrideAttrs then
      drv.overrideAttrs (old: {
        meta = old.meta or { } // new;
      })
    else
      drv // { meta = drv.meta or { } // new; };

  /**
    A derivation that its own build farm need not build or keep.

    Type: `dontDistribute :: Derivation -> Derivation`
  */
  dontDistribute = addMetaAttrs { hydraPlatforms = [ ]; };

  /**
    A derivation with another name.

    Type: `setName :: String -> Derivation -> Derivation`

    Example: `setName "b" { name = "a"; }` is `{ name = "b"; }`
  */
  setName = name: drv: drv // { inherit name; };

  /**
    A derivation with its name changed by a function.

    Type: `updateName :: (String -> String) -> Derivation -> Derivation`

    Example: `updateName (n: n + "2") { name = "a"; }` is `{ name = "a2"; }`
  */
  updateName = f: drv: drv // { name = f drv.name; };

  /**
    A derivation with a suffix put between name and version.

    Type: `appendToName :: String -> Derivation -> Derivation`

    Example: `appendToName "x" { name = "a-1.0"; }` is `{ name = "a-x-1.0"; }`
  */
  appendToName =
    suffix:
    updateName (
      name:
      let
        parts = builtins.parseDrvName name;
      in
      "${parts.name}-${suffix}${if parts.version == "" then "" else "-${parts.version}"}"
    );

  /**
    A function applied to all derivations of a set, and to those in sets that
    are marked for it.

    Type: `mapDerivationAttrset :: (Derivation -> Derivation) -> AttrSet -> AttrSet`
  */
  mapDerivationAttrset =
    f: set:
    builtins.mapAttrs (
      _: value:
      if lib.isDerivation value then
        f value
      else if value.recurseForDerivations or false then
        mapDerivationAttrset f value
      else
        value
    ) set;

  /**
    The priority of packages that set none.

    Type: `defaultPriority :: Int`
  */
  defaultPriority = 5;

  /**
    A package with a priority in environments: lower numbers win.

    Type: `setPrio :: Int -> Derivation -> Derivation`
  */
  setPrio = priority: addMetaAttrs { inherit priority; };

  /**
    A package that gives way to others.

    Type: `lowPrio :: Derivation -> Derivation`
  */
  lowPrio = setPrio 10;

  /**
    `lowPrio` for all packages of a set.

    Type: `lowPrioSet :: AttrSet -> AttrSet`
  */
  lowPrioSet = mapDerivationAttrset lowPrio;

  /**
    A package that comes before others.

    Type: `hiPrio :: Derivation -> Derivation`
  */
  hiPrio = setPrio (-10);

  /**
    `hiPrio` for all packages of a set.

    Type: `hiPrioSet :: AttrSet -> AttrSet`
  */
  hiPrioSet = mapDerivationAttrset hiPrio;

  /**
    Whether a platform is what an element of `meta.platforms` asks for: a
    system name, a pattern of the parsed system, or a pattern of the platform.

    Type: `platformMatch :: Platform -> (String | AttrSet) -> Bool`

    Example: `lib.meta.platformMatch { system = "x86_64-linux"; } "x86_64-linux"` is `true`
  */
  platformMatch =
    platform: wanted:
    if builtins.isAttrs wanted then
      (if wanted ? parsed then lib.matchAttrs wanted platform else lib.matchAttrs { parsed = wanted; } platform)
    else
      wanted == platform.system or null;

  /**
    Whether a package says that it works on a platform.

    Type: `availableOn :: Platform -> Package -> Bool`

    Example: `lib.meta.availableOn { system = "a-b"; } { meta.platforms = [ "a-b" ]; }` is `true`
  */
  availableOn =
    platform: pkg:
    (!(pkg ? meta.platforms) || lib.any (platformMatch platform) pkg.meta.platforms)
    && !lib.any (platformMatch platform) (pkg.meta.badPlatforms or [ ]);

  /**
    Licences by their SPDX identifiers.

    Type: `licensesSpdx :: { ${id} :: License }`
  */
  licensesSpdx = lib.mapAttrs' (_: license: lib.nameValuePair license.spdxId license) (
    # Where two names share an identifier the one that is not deprecated stays.
    lib.filterAttrs (_: license: license ? spdxId && !(license.deprecated or false)) lib.licenses
  );

  /**
    The licence of an SPDX identifier in any case; a made-up one with a
    warning where it is not known.

    Type: `getLicenseFromSpdxId :: String -> License`

    Example: `(getLicenseFromSpdxId "MIT").shortName` is `"mit"`
  */
  getLicenseFromSpdxId =
    id:
    getLicenseFromSpdxIdOr id (
      lib.warn "getLicenseFromSpdxId: No license matches the given SPDX ID: ${id}" { shortName = id; }
    );

  /**
    The licence of an SPDX identifier in any case, or a default.

    Type: `getLicenseFromSpdxIdOr :: String -> a -> (License | a)`

    Example: `getLicenseFromSpdxIdOr "nothing of the kind" null` is `null`
  */
  getLicenseFromSpdxIdOr =
    let
      byLowerId = lib.mapAttrs' (id: lib.nameValuePair (lib.toLower id)) licensesSpdx;
    in
    id: default: byLowerId.${lib.toLower id} or default;

  /**
    The path of a package's main program.

    Type: `getExe :: Package -> String`

    Example: `getExe { type = "derivation"; out = "/x"; meta.mainProgram = "p"; }` is `"/x/bin/p"`
  */
  getExe =
    pkg:
    getExe' pkg (
      pkg.meta.mainProgram or (lib.warn
        "getExe: Package ${lib.strings.escapeNixIdentifier (pkg.meta.name or pkg.pname or pkg.name)} does not have the meta.mainProgram attribute. We'll assume that the main program has the same name for now, but this behavior is deprecated, because it leads to surprising errors when the assumption does not hold."
        (lib.getName pkg)
      )
    );

  /**
    The path of a program in a package.

    Type: `getExe' :: Package -> String -> String`

    Example: `getExe' { type = "derivation"; bin = "/b"; } "p"` is `"/b/bin/p"`
  */
  getExe' =
    pkg: program:
    assert lib.assertMsg (lib.isDerivation pkg)
      "lib.meta.getExe': The first argument is of type ${builtins.typeOf pkg}, but it should be a derivation instead.";
    assert lib.assertMsg (builtins.isString program)
      "lib.meta.getExe': The second argument is of type ${builtins.typeOf program}, but it should be a string instead.";
    assert lib.assertMsg (!lib.hasInfix "/" program)
      "lib.meta.getExe': The second argument \"${program}\" is a nested path with a \"/\" character, but it should just be the name of the executable instead.";
    "${lib.getBin pkg}/bin/${program}";

  /**
    The parts of a Common Platform Enumeration name for a vendor and version.

    Type: `cpeFullVersionWithVendor :: String -> String -> AttrSet`

    Example: `lib.meta.cpeFullVersionWithVendor "gnu" "1.2"` is `{ vendor = "gnu"; version = "1.2"; update = "*"; }`
  */
  cpeFullVersionWithVendor = vendor: version: {
    inherit vendor version;
    update = "*";
  };
}
