/**
  The package set that modules get as `pkgs`.
*/
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.nixpkgs;

  made = import ../.. {
    system = cfg.hostPlatform.system;
    inherit (cfg) config overlays;
  };
in
{
  options.nixpkgs = {
    pkgs = mkOption {
      type = types.nullOr types.pkgs // { description = "package set"; };
      default = null;
      defaultText = lib.literalMD "made from the options below";
      description = "The package set to use instead of one made from the options beside this.";
    };
    config = mkOption {
      type = types.attrsOf types.anything;
      default = { };
      example = { allowUnfree = true; };
      description = "The configuration of the package set.";
    };
    overlays = mkOption {
      type = types.listOf (types.mkOptionType {
        name = "overlay";
        description = "overlay";
        check = lib.isFunction;
        merge = lib.mergeOneOption;
      });
      default = [ ];
      description = "Overlays to lay over the package set, first to last.";
    };
    hostPlatform = mkOption {
      type = types.either types.str types.attrs;
      apply = lib.systems.elaborate;
      default = cfg.system;
      defaultText = lib.literalExpression "config.nixpkgs.system";
      example = "aarch64-linux";
      description = "The platform that the system runs on.";
    };
    system = mkOption {
      type = types.str;
      default = builtins.currentSystem or "x86_64-linux";
      defaultText = lib.literalExpression "builtins.currentSystem";
      description = "The older way to name the platform.";
    };
  };

  config._module.args.pkgs =
    if cfg.pkgs == null then
      made
    else if cfg.overlays == [ ] then
      cfg.pkgs
    else
      cfg.pkgs.appendOverlays cfg.overlays;
}
