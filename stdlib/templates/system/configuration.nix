# A machine. `firn system build` builds it, `firn system vm` tries it in a virtual machine, `firn system switch` makes this
# machine it.
{ config, pkgs, lib, ... }:
{
  networking.hostName = "machine";
  time.timeZone = "UTC";

  environment.systemPackages = with pkgs; [
    less
    tree
  ];

  users.users.me = {
    isNormalUser = true;
    extraGroups = [ "wheel" ];
    # Change it with `passwd` after the first login.
    initialHashedPassword = "!";
    openssh.authorizedKeys.keys = [
      # "ssh-ed25519 AAAA… me@laptop"
    ];
  };

  services.openssh.enable = true;
  services.openssh.settings.PasswordAuthentication = false;

  fileSystems."/" = {
    label = "root";
    fsType = "ext4";
  };
  boot.loader.systemd-boot.enable = true;

  # The release this machine was installed with; leave it when you upgrade.
  system.stateVersion = "26.05";
}
