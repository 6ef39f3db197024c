/**
  A new generation that cannot start: the menu counts its attempts, and then
  the old one is back without anybody's help.
*/
{ nodes, ... }:
let
  broken = nodes.machine.variants.broken;
  first = nodes.machine.toplevel;
in
{
  name = "boot-counting";

  nodes.machine = {
    virtualisation = {
      persistent = true;
      useBootLoader = true;
    };
    boot.loader.systemd-boot = {
      enable = true;
      bootCounting = {
        enable = true;
        tries = 2;
      };
    };
    boot.loader.timeout = 0;
    boot.kernelParams = [ "panic=1" ];
  };

  # The last word on the command line counts: there is no such first process.
  variants.machine.broken.boot.kernelParams = [ "rdinit=/nowhere" "root=/dev/nothing" ];

  steps = [
    { wait = "ls /boot/loader/entries | grep -x nixos-generation-1.conf"; }
    { run = "firn system boot --store-path ${broken}"; }
    { run = "ls /boot/loader/entries"; expect = "nixos-generation-2+2.conf"; }
    { reboot = true; timeout = 180; }
    { run = "readlink -f /run/current-system"; expect = "${first}"; }
    { run = "ls /boot/loader/entries"; expect = "nixos-generation-2+0-2.conf"; }
  ];
}
