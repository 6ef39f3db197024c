# The store paths of all packages' derivations, by name: of the set itself, of the sets in it, and of what the builders'
# own test makes.
let
  pkgs = import ../.. { };
  inherit (pkgs) lib;

  paths = prefix: set: lib.mapAttrs' (name: package: {
    name = prefix + name;
    value = builtins.unsafeDiscardStringContext package.drvPath;
  }) (lib.filterAttrs (_: lib.isDerivation) set);
in
paths "" pkgs
// lib.concatMapAttrs (name: paths "${name}.") {
  inherit (pkgs) bootstrap linuxPackages prebuilt python3Packages;
  tests = import ../builders.nix { inherit pkgs; };
}
