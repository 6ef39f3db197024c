/**
  The library as a flake.
*/
{
  description = "A standard library: functions, packages from source, systems from modules";

  outputs =
    { self }:
    let
      lib = import ./lib;
      systems = [ "x86_64-linux" ];
      forAll = lib.genAttrs systems;
      pkgsFor = system: import ./. { inherit system; };
      # What is said when a template of a project was written.
      welcomeText = "`firn build -f .` builds the package, `firn develop -f .` opens the project's shell.";
    in
    {
      lib = lib // {
        nixosSystem = args: import ./modules/eval.nix ({ inherit lib; } // args);
      };

      legacyPackages = forAll pkgsFor;
      packages = forAll (
        system:
        let
          pkgs = pkgsFor system;
        in
        lib.filterAttrs (_: lib.isDerivation) (
          lib.genAttrs (builtins.attrNames (builtins.readDir ./pkgs)) (name: pkgs.${name} or null)
        )
      );
      devShells = forAll (system: {
        default = (pkgsFor system).mkShell { };
      });

      nixosModules = {
        default.imports = import ./modules/module-list.nix;
      };

      templates = rec {
        default = c;
        c = {
          path = ./templates/c;
          description = "A C project with a package and a shell";
          inherit welcomeText;
        };
        rust = {
          path = ./templates/rust;
          description = "A Rust project with a package and a shell";
          inherit welcomeText;
        };
        python = {
          path = ./templates/python;
          description = "A Python project with a package and a shell";
          inherit welcomeText;
        };
        system = {
          path = ./templates/system;
          description = "A machine: one configuration file";
        };
      };
    };
}
