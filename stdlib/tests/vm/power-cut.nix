/**
  The power is cut at moments of a switch: whatever the moment, the machine
  starts as the old system or as the new one, whole.
*/
{
  pkgs,
  lib,
  nodes,
  ...
}:
let
  next = nodes.machine.variants.next;
  first = nodes.machine.toplevel;
in
{
  name = "power-cut";

  nodes.machine = {
    virtualisation = {
      persistent = true;
      useBootLoader = true;
    };
    boot.loader.systemd-boot.enable = true;
    boot.loader.timeout = 0;
    environment.etc."generation".text = "first";
    users.users.first.isNormalUser = true;
  };

  variants.machine.next = {
    environment.etc."generation".text = lib.mkForce "next";
    users.users.first = lib.mkForce { enable = false; };
    users.users.next.isNormalUser = true;
  };

  steps = [
    {
      # To the one that does not run now, so that every cut is in a real switch.
      crashDuring = ''
        if [ "$(readlink -f /run/current-system)" = ${first} ]; then to=${next}; else to=${first}; fi
        firn system switch --store-path $to
      '';
      times = 50;
      within = 4000;
      check = ''
        set -e
        case $(readlink -f /run/current-system) in
          ${first}) is=first ;;
          ${next}) is=next ;;
          *) exit 1 ;;
        esac
        systemctl is-active multi-user.target > /dev/null
        [ -z "$(systemctl --failed --no-legend)" ]
        [ "$(cat /etc/generation)" = $is ]
        grep -q "^$is:" /etc/passwd
        ! ls /boot/loader/entries /boot/EFI/nixos | grep '\.tmp$'
        nix-store --verify
        echo $is
      '';
    }
  ];
}
