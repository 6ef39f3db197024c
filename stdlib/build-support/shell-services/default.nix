/**
  The services of a development shell: `services.NAME.enable = true` for those that are known here, and any other by saying how
  it is started. `firn develop --services` and `firn up` run them.

  In all texts `@port@` is the port that was found free, and `@state@` the directory that belongs to the service.
*/
{ lib, pkgs }:

let
  inherit (lib) mkOption types;

  service =
    { ... }:
    {
      options = {
        enable = lib.mkEnableOption "this service";
        prepare = mkOption {
          type = types.lines;
          default = "";
          description = "Bash code that is run before the service is started.";
        };
        start = mkOption {
          type = types.lines;
          description = "Bash code that is the service.";
        };
        ready = mkOption {
          type = types.lines;
          default = "";
          description = "Bash code that succeeds once the service can be used.";
        };
        port = mkOption {
          type = types.nullOr types.port;
          default = null;
          description = "The port it would like; another one is taken where that is not free. 0 is any, `null` none.";
        };
        stop = mkOption {
          type = types.enum [ "TERM" "INT" "QUIT" ];
          default = "TERM";
          description = "The signal that asks it to end.";
        };
        ordinary = mkOption {
          type = types.bool;
          default = false;
          description = "Whether it refuses to run as root, who then appears to be an ordinary user to it.";
        };
        patience = mkOption {
          type = types.ints.positive;
          default = 60;
          description = "How many seconds it may take to be ready.";
        };
        variables = mkOption {
          type = types.attrsOf types.str;
          default = { };
          description = "Variables for those who use it.";
        };
        package = mkOption {
          type = types.nullOr types.package;
          default = null;
          description = "The package that it runs.";
        };
      };
    };
in
services:
let
  evaluated = lib.evalModules {
    modules = [
      { options.services = mkOption { type = types.attrsOf (types.submodule service); default = { }; description = "Services by name."; }; }
      (import ./postgres.nix { inherit lib pkgs; })
      (import ./redis.nix { inherit lib pkgs; })
      { inherit services; }
    ];
  };
  enabled = lib.filterAttrs (_: it: it.enable) evaluated.config.services;
in
{
  /** What the program reads. */
  text = builtins.toJSON (lib.mapAttrs (_: it: { inherit (it) prepare start ready port stop ordinary patience variables; }) enabled);
  /** The packages that the services run, for the search path. */
  packages = lib.concatMap (it: lib.optional (it.package != null) it.package) (lib.attrValues enabled);
}
