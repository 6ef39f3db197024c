/**
  Derivations handled without forcing them.
*/
{ lib }:
{
  inherit (builtins) addDrvOutputDependencies unsafeDiscardOutputDependency;

  /**
    A derivation-like set whose attributes are known without evaluating the
    derivation; only asking for its paths does that.

    Type: `lazyDerivation :: { derivation, meta ?, passthru ? { }, outputs ? [ "out" ] } -> Derivation`
  */
  lazyDerivation =
    args@{
      derivation,
      meta ? null,
      passthru ? { },
      outputs ? [ "out" ],
    }:
    let
      checked = lib.throwIfNot (derivation.type or null == "derivation") "lazyDerivation: input must be a derivation." (
        let
          actual = derivation.outputs or [ ];
        in
        lib.throwIfNot (actual == outputs) ''
          lib.lazyDerivation: The derivation ${derivation.name or "<unknown>"} has outputs that don't match the assumed outputs.

          Assumed outputs passed to lazyDerivation:
          ${lib.concatMapStringsSep "\n" (o: "    - ${o}") outputs}

          Actual outputs of the derivation:
          ${lib.concatMapStringsSep "\n" (o: "    - ${o}") actual}

          Pass the actual outputs, in this order.
        '' derivation
      );
    in
    {
      type = "derivation";
      inherit (checked)
        outPath
        outputName
        drvPath
        name
        system
        ;
      inherit outputs;
      meta = args.meta or checked.meta;
    }
    // lib.genAttrs outputs (name: checked.${name})
    // passthru;

  /**
    The value, or `null` when the condition does not hold: an attribute of
    `null` is left out of a derivation's environment.

    Type: `optionalDrvAttr :: Bool -> a -> (a | Null)`

    Example: `optionalDrvAttr false 1` is `null`
  */
  optionalDrvAttr = cond: value: if cond then value else null;

  /**
    A derivation that gives a warning when it is instantiated, not when it is
    only looked at.

    Type: `warnOnInstantiate :: String -> Derivation -> Derivation`
  */
  warnOnInstantiate =
    msg: drv:
    let
      drvToWrap = removeAttrs drv [
        "meta"
        "name"
        "type"
        "outputName"
      ];
    in
    drv // builtins.mapAttrs (_: lib.warn msg) drvToWrap;
}
