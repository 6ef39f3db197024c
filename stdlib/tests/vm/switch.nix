/**
  A machine that changes: what `test`, `switch` and `rollback` do at once, and
  what is there after a reboot. What a module made is gone when the module is.
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
  current = "readlink -f /run/current-system";
  switch = verb: "firn system ${verb} --store-path ${next}";
in
{
  name = "switch";

  nodes.machine = {
    virtualisation = {
      persistent = true;
      useBootLoader = true;
      memorySize = 512;
    };
    boot.loader.systemd-boot.enable = true;
    boot.loader.timeout = 0;
    users.users.old.isNormalUser = true;
    environment.etc."old.conf".text = "old";
    environment.etc."both.conf".text = "first";
    systemd.services.old = {
      wantedBy = [ "multi-user.target" ];
      serviceConfig.ExecStart = "${pkgs.coreutils}/bin/sleep infinity";
    };
    systemd.services.both = {
      wantedBy = [ "multi-user.target" ];
      serviceConfig.ExecStart = "${pkgs.coreutils}/bin/sleep infinity";
      environment.GENERATION = "first";
    };
  };

  variants.machine.next = {
    users.users.old = lib.mkForce { enable = false; };
    environment.etc."old.conf".enable = false;
    environment.etc."both.conf".text = lib.mkForce "next";
    systemd.services.old.enable = lib.mkForce false;
    systemd.services.both.environment.GENERATION = lib.mkForce "next";
    systemd.services.new = {
      wantedBy = [ "multi-user.target" ];
      serviceConfig.ExecStart = "${pkgs.coreutils}/bin/sleep infinity";
    };
  };

  steps = [
    { run = "firn system generations"; expect = "1 (current)"; }
    { run = "systemctl is-active old both"; }

    # A shell on a terminal starts, and stays until it is killed; it knows letters that take more than one byte.
    { run = "LANG=C.UTF-8 bash -c 'word=ää; echo \${#word} letters'"; expect = "2 letters"; }
    { run = "LANG=C.UTF-8 TERM=vt220 timeout --foreground -s KILL 5 bash -i < /dev/ttyS0 > /dev/ttyS0 2>&1; test $? = 137"; }

    # Saying what would be done does nothing.
    { run = switch "dry-activate"; expect = "would start the following units: both.service"; }
    { run = current; expect = "${first}"; }

    # Until the next boot.
    { run = switch "test"; expect = "stopping the following units: both.service, old.service"; }
    { run = current; expect = "${next}"; }
    { run = "systemctl is-active new both"; }
    { run = "systemctl is-active old"; fails = true; }
    { run = "cat /etc/both.conf"; expect = "next"; }
    { run = "test -e /etc/old.conf || grep -q ^old: /etc/passwd"; fails = true; }
    { run = "tr '\\0' '\\n' < /proc/$(systemctl show -P MainPID both)/environ"; expect = "GENERATION=next"; }
    { reboot = true; }
    { run = current; expect = "${first}"; }
    { run = "readlink /nix/var/nix/profiles/system"; expect = "system-1-link"; }
    { run = "systemctl is-active old both && cat /etc/old.conf && grep ^old: /etc/passwd"; }

    # For good.
    { run = switch "switch"; }
    { run = "readlink /nix/var/nix/profiles/system"; expect = "system-2-link"; }
    { run = "cat /boot/loader/loader.conf"; expect = "nixos-generation-2.conf"; }
    { reboot = true; }
    { run = current; expect = "${next}"; }
    { run = "systemctl is-active new both"; }
    { run = "test -e /etc/old.conf || grep -q ^old: /etc/passwd || systemctl is-active old"; fails = true; }

    # And back.
    { run = "firn system diff 1 2"; expect = "+ new.service"; }
    { run = "firn system rollback"; expect = "switching profile from version 2 to 1"; }
    { run = current; expect = "${first}"; }
    { run = "systemctl is-active old both && cat /etc/old.conf && grep ^old: /etc/passwd"; }
    { run = "systemctl is-active new"; fails = true; }
    { run = "cat /boot/loader/loader.conf"; expect = "nixos-generation-1.conf"; }
  ];
}
