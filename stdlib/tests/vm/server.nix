/**
  A server in a virtual machine: what was declared is there when it is up.
  `config.system.build.vm` starts it; it ends by itself.
*/
{
  pkgs ? import ../.. { },
}:
pkgs.nixos {
  networking.hostName = "server";
  system.stateVersion = "26.05";

  services.openssh = {
    enable = true;
    # A key of the other kind takes a minute where the processor is emulated.
    hostKeys = [
      {
        type = "ed25519";
        path = "/etc/ssh/ssh_host_ed25519_key";
      }
    ];
  };
  services.nginx = {
    enable = true;
    virtualHosts.localhost.locations."/".return = "200 hello";
  };
  networking.firewall.allowedTCPPorts = [ 80 ];
  users.users.ada = {
    isNormalUser = true;
    extraGroups = [ "wheel" ];
  };
  systemd.tmpfiles.rules = [ "d /var/made 0751 ada users -" ];
  systemd.services.count = {
    startAt = "daily";
    script = "true";
  };

  virtualisation.memorySize = 768;
  testing.script = ''
    systemctl is-active sshd nginx nftables systemd-networkd dbus
    [ "$(systemctl --failed --no-legend | wc -l)" = 0 ]
    [ "$(stat -c '%a %U' /var/made)" = "751 ada" ]
    [ "$(cat /proc/sys/kernel/hostname)" = server ]
    grep -q '^ada:x:1000:100:' /etc/passwd
    grep -q '^wheel:x:1:ada$' /etc/group
    systemctl list-timers --all --no-legend | grep -q count.timer
    nft list ruleset | grep -q 'tcp dport { 22, 80 } accept'
    exec 3<>/dev/tcp/127.0.0.1/80
    printf 'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
    grep -q hello <&3
  '';
}
