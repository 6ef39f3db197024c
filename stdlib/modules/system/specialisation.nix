/**
  Variants of a system that can be chosen at boot or switched to.
*/
{
  config,
  lib,
  extendModules,
  ...
}:
let
  inherit (lib) mkOption types;
in
{
  options = {
    specialisation = mkOption {
      default = { };
      example = lib.literalExpression "{ quiet.configuration.services.nginx.enable = false; }";
      description = "Variants of the system, each with further modules.";
      type = types.attrsOf (
        types.submodule (
          { config, ... }:
          {
            options = {
              inheritParentConfig = mkOption {
                type = types.bool;
                default = true;
                description = "Whether the variant has all of the system's configuration.";
              };
              configuration = mkOption {
                default = { };
                description = "What is different.";
                type =
                  (extendModules {
                    modules = [ { specialisation = lib.mkOverride 0 { }; } ];
                  }).type;
                visible = "shallow";
              };
            };
          }
        )
      );
    };
    isSpecialisation = mkOption {
      type = types.bool;
      internal = true;
      default = false;
      description = "Whether this is a variant.";
    };
  };

  config.assertions = map (name: {
    assertion = builtins.match "[a-zA-Z0-9_-]+" name != null;
    message = "A specialisation's name can have letters, digits, `-` and `_`, but one is called `${name}'.";
  }) (builtins.attrNames config.specialisation);
}
