/**
  A user's environment from modules: files of the home directory, packages,
  variables. `firn home switch` makes the home directory it.

  The result has `config` and `options`, and `config.home.generation`, which is
  one directory with all of it.
*/
{
  lib ? import ../lib,
  pkgs ? import ../. { },
  modules,
  extraSpecialArgs ? { },
}:
lib.evalModules {
  class = "homeManager";
  specialArgs = {
    modulesPath = toString ./.;
  }
  // extraSpecialArgs;
  modules = [
    ./generation.nix
    ./files.nix
    ./session.nix
    ./programs.nix
    ../modules/config/assertions.nix
    {
      _file = ./default.nix;
      config._module.args.pkgs = lib.mkDefault pkgs;
    }
  ]
  ++ modules;
}
