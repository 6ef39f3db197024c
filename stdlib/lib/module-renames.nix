/**
  Modules for options that have moved: another name, another type, several
  made one, or gone.
*/
{ lib }:
let
  inherit (lib)
    mkIf
    mkMerge
    mkOption
    optional
    optionalAttrs
    setAttrByPath
    showFiles
    showOption
    types
    ;
  inherit (lib.properties) mkAliasAndWrapDefinitions mkAliasAndWrapDefsWithPriority;
  inherit (builtins) filter;
in
rec {
  /**
    A module that makes one option path stand for another.

    - `from`, `to`: the two paths
    - `visible`: whether documentation shows the old one
    - `warn`: whether a definition of the old one gives a warning
    - `use`: applied to the value that the old one reads as
    - `withPriority`: whether definitions keep their priority
    - `condition`: whether definitions are passed on at all

    Type: `doRename :: { from, to, visible, warn, use, withPriority ? true, condition ? true } -> Module`
  */
  doRename =
    {
      from,
      to,
      visible,
      warn,
      use,
      withPriority ? true,
      condition ? true,
    }:
    { config, options, ... }:
    let
      old = lib.getAttrFromPath from options;
      target = lib.attrByPath to { } options;
      value = lib.attrByPath to (abort "Renaming error: option `${showOption to}' does not exist.") config;
      wrap = if withPriority then mkAliasAndWrapDefsWithPriority else mkAliasAndWrapDefinitions;
    in
    {
      options = setAttrByPath from (
        mkOption (
          {
            inherit visible;
            description = "Alias of {option}`${showOption to}`.";
            apply = _: use value;
          }
          // {
            type = target.type or (types.submodule { });
          }
        )
      );
      config = mkIf condition (mkMerge [
        (optionalAttrs (options ? warnings) {
          warnings =
            optional (warn && old.isDefined)
              "The option `${showOption from}' defined in ${showFiles old.files} has been renamed to `${showOption to}'.";
        })
        (wrap (setAttrByPath to) old)
      ]);
    };

  /**
    A module for an option that has another name now; using the old one works
    and warns.

    Type: `mkRenamedOptionModule :: [String] -> [String] -> Module`
  */
  mkRenamedOptionModule =
    from: to:
    doRename {
      inherit from to;
      visible = false;
      warn = true;
      use = builtins.trace "Obsolete option `${showOption from}' is used. It was renamed to `${showOption to}'.";
    };

  /**
    `mkRenamedOptionModule` that begins to warn when the release in which the
    option was renamed is the oldest supported one.

    Type: `mkRenamedOptionModuleWith :: { from, to, sinceRelease } -> Module`
  */
  mkRenamedOptionModuleWith =
    {
      from,
      to,
      sinceRelease,
    }:
    doRename {
      inherit from to;
      visible = false;
      warn = lib.oldestSupportedReleaseIsAtLeast sinceRelease;
      use = lib.warnIf (lib.oldestSupportedReleaseIsAtLeast sinceRelease) "Obsolete option `${showOption from}' is used. It was renamed to `${showOption to}'.";
    };

  /**
    A module for an option that is gone; defining it fails with a text that
    says what to do.

    Type: `mkRemovedOptionModule :: [String] -> String -> Module`
  */
  mkRemovedOptionModule =
    path: text:
    { options, ... }:
    let
      opt = lib.getAttrFromPath path options;
    in
    {
      options = setAttrByPath path (mkOption {
        visible = false;
        apply =
          _: throw "The option `${showOption path}' can no longer be used since it's been removed. ${text}";
      });
      config.assertions = [
        {
          assertion = !opt.isDefined;
          message = ''
            The option definition `${showOption path}' in ${showFiles opt.files} no longer has any effect; please remove it.
            ${text}
          '';
        }
      ];
    };

  /**
    A module that makes one option of several old ones.

    Type: `mkMergedOptionModule :: [[String]] -> [String] -> (AttrSet -> a) -> Module`
  */
  mkMergedOptionModule =
    from: to: merge:
    { config, options, ... }:
    let
      unset = "_mkMergedOptionModule";
      isSet = path: lib.getAttrFromPath path config != unset;
    in
    {
      options = builtins.foldl' lib.recursiveUpdate { } (
        map (
          path:
          setAttrByPath path (mkOption {
            visible = false;
            default = unset;
          })
        ) from
      );
      config =
        {
          warnings = map (
            path:
            "The option `${showOption path}' defined in ${
              showFiles (lib.getAttrFromPath path options).files
            } has been changed to `${showOption to}' that has a different type. Please read `${showOption to}' documentation and update your configuration accordingly."
          ) (filter isSet from);
        }
        // setAttrByPath to (mkMerge (optional (lib.any isSet from) (merge config)));
    };

  /**
    A module for an option that has another name and another type now.

    Type: `mkChangedOptionModule :: [String] -> [String] -> (AttrSet -> a) -> Module`
  */
  mkChangedOptionModule =
    from: to: change:
    mkMergedOptionModule [ from ] to change;

  /**
    A module for a second name of an option.

    Type: `mkAliasOptionModule :: [String] -> [String] -> Module`
  */
  mkAliasOptionModule =
    from: to:
    doRename {
      inherit from to;
      visible = true;
      warn = false;
      use = lib.id;
    };

  /**
    The former name of `mkAliasOptionModule`.

    Type: `mkAliasOptionModuleMD :: [String] -> [String] -> Module`
  */
  mkAliasOptionModuleMD = mkAliasOptionModule;
}
