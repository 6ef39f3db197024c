# Every definition has a place, however the configuration was named.
cd "$HOME"
cat > configuration.nix <<'END'
{ lib, ... }:
{
  networking.hostName = "snow";
  services.nginx.enable = lib.mkDefault true;
}
END
places() { firn system options "$@" | grep -E '^(value|defined)'; }
places -f configuration.nix networking.hostName
places --expr '{ networking.hostName = "ice"; }' networking.hostName
