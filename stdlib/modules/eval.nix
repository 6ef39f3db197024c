/**
  A system from modules: those of this library, and the user's.

  The result has `config` and `options`, the package set, and
  `config.system.build.toplevel`, which is the system to build.
*/
{
  lib ? import ../lib,
  # The package set; without one it is made from `nixpkgs.hostPlatform`.
  pkgs ? null,
  system ? null,
  modules,
  specialArgs ? { },
  baseModules ? import ./module-list.nix,
  prefix ? [ ],
  extraModules ? [ ],
}:
let
  given =
    lib.optional (pkgs != null) {
      _file = ./eval.nix;
      nixpkgs.pkgs = lib.mkDefault pkgs;
    }
    ++ lib.optional (system != null) {
      _file = ./eval.nix;
      nixpkgs.hostPlatform = lib.mkDefault system;
    };

  result = lib.evalModules {
    inherit prefix;
    class = "nixos";
    specialArgs = {
      modulesPath = toString ./.;
    }
    // specialArgs;
    modules = baseModules ++ given ++ extraModules ++ modules;
  };
in
result
// {
  inherit lib;
  inherit (result._module.args) pkgs;
  inherit (result.config.system.build) toplevel;
}
