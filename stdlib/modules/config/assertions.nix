/**
  Conditions that a configuration must meet, and warnings about it. Both are
  looked at when the system is built, so that evaluating a single option does
  not depend on them.
*/
{ lib, ... }:
{
  options = {
    assertions = lib.mkOption {
      type = lib.types.listOf lib.types.unspecified;
      internal = true;
      default = [ ];
      example = [
        {
          assertion = false;
          message = "you can't enable this for that reason";
        }
      ];
      description = "Conditions that must hold for the system to be built, with what to say when they do not.";
    };

    warnings = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      internal = true;
      default = [ ];
      example = [ "The `foo' service is deprecated and will go away soon!" ];
      description = "Messages to show when the system is evaluated.";
    };
  };
}
