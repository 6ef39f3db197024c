/**
  The environment that a value means, for `firn home`: one that is evaluated as
  it is, a module as one with the library's modules, a function of arguments
  that all have defaults called with none.
*/
{
  value,
  file ? null,
  # The name of the user, where there are several.
  host ? null,
}:
let
  lib = import ../lib;
  inherit (builtins) all attrValues functionArgs isAttrs isFunction;

  needsNothing = f: isFunction f && functionArgs f != { } && all lib.id (attrValues (functionArgs f));

  homeOf =
    v:
    if isAttrs v && v ? config.home.generation then
      v
    else if needsNothing v then
      homeOf (v { })
    else if isAttrs v && v ? homeConfigurations then
      let
        names = builtins.attrNames v.homeConfigurations;
        name = if host == null && builtins.length names == 1 then builtins.head names else host;
      in
      v.homeConfigurations.${toString name}
        or (throw "there are the users ${lib.concatStringsSep ", " names}; name one with '--host'")
    else
      import ./default.nix {
        inherit lib;
        modules = [ (if file == null then v else lib.setDefaultModuleLocation file v) ];
      };

  home = homeOf value;
in
{
  inherit (home.config.home) generation;
  options = import ../modules/explain.nix { inherit lib; inherit (home) options; };
}
