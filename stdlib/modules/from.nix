/**
  The system that a value means, for `firn system`: a system as it is, a module
  as one with the library's modules, a function of arguments that all have
  defaults called with none, one of several by the name of its host.
*/
{
  value,
  # The file that it came from, if it did.
  file ? null,
  # The name of the host, where there are several.
  host ? null,
  # The program that is running; virtual machines have it, to switch themselves with.
  program ? null,
}:
let
  lib = import ../lib;
  inherit (builtins) all attrValues functionArgs isAttrs isFunction isPath;

  isSystem = v: isAttrs v && v ? config.system.build.toplevel;

  # Modules take `config`, `lib` and more; what needs nothing is called.
  needsNothing = f: isFunction f && functionArgs f != { } && all lib.id (attrValues (functionArgs f));

  systemOf =
    v:
    if isPath v then
      systemOf (import v)
    else if isSystem v then
      v
    else if lib.isDerivation v then
      throw "this is a derivation and no system; 'firn build' builds it"
    else if needsNothing v then
      systemOf (v { })
    else if isAttrs v && v ? nixosConfigurations then
      pick v.nixosConfigurations
    else if isAttrs v && host != null && v ? ${host} then
      systemOf v.${host}
    else
      import ./eval.nix {
        inherit lib;
        modules = [ (if file == null then v else lib.setDefaultModuleLocation file v) ];
      };

  pick =
    all:
    let
      names = builtins.attrNames all;
    in
    if host != null && all ? ${host} then
      all.${host}
    else if host == null && builtins.length names == 1 then
      all.${builtins.head names}
    else
      throw "there are the hosts ${lib.concatStringsSep ", " names}${
        lib.optionalString (host != null) ", and none called ${host}"
      }; name one with '--host'";

  system = systemOf value;
  inherit (system.config.system) build;

  inVm =
    if !(build ? vmSpec) then
      throw "this system cannot run in a virtual machine of ours; it is made of other modules"
    else if program == null then
      build
    else
      withProgram.config.system.build;
  withProgram = system.extendModules {
    modules = [
      (
        { pkgs, ... }:
        {
          virtualisation.firn = lib.mkDefault (
            pkgs.callPackage ../build-support/own-program.nix { } { program = /. + program; }
          );
        }
      )
    ];
  };
in
{
  inherit system;
  inherit (build) toplevel;
  vm = inVm.vmSpec;
  # The system that runs there, to switch to from within.
  vmToplevel = inVm.vmSystem;
  options = import ./explain.nix { inherit lib; inherit (system) options; };
}
