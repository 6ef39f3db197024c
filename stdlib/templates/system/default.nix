# What `firn system` builds: the machine that `configuration.nix` describes.
{
  pkgs ? import <firn> { },
}:
pkgs.nixos ./configuration.nix
