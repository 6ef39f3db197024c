# The store paths of all packages' derivations, by name.
let
  pkgs = import ../.. { };
  inherit (pkgs) lib;
  names = lib.filter (name: lib.isDerivation (pkgs.${name} or null)) (lib.attrNames (builtins.readDir ../../pkgs)) ++ [
    "firefox"
    "nftables"
    "stdenv"
    "stdenvNoCC"
    "sudo"
    "systemd"
  ];
in
lib.genAttrs names (name: builtins.unsafeDiscardStringContext pkgs.${name}.drvPath)
