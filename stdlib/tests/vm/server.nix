/**
  A server and somebody who tries its doors: what was declared is there, the
  web server answers through the port that is open and no other port does, and
  ssh lets in the key that was declared and nothing else.
*/
{ pkgs, lib, ... }:
let
  # Keys of this test alone; they open machines that exist for a minute.
  publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBmAwFuWmAbVQKhaW5S4thTaph/aTU6ARUh7xF0qg6vQ ada";
  ada = pkgs.writeText "ada" ''
    -----BEGIN OPENSSH PRIVATE KEY-----
    b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
    QyNTUxOQAAACAZgMBblpgG1UCoWluUuLYU2qYf2k1OgEVIe8RdKoOr0AAAAIgIoZhkCKGY
    ZAAAAAtzc2gtZWQyNTUxOQAAACAZgMBblpgG1UCoWluUuLYU2qYf2k1OgEVIe8RdKoOr0A
    AAAEBfnWUrQsF2kV01i8lizD34Np3kt+4tICd91rhsIM6i5BmAwFuWmAbVQKhaW5S4thTa
    ph/aTU6ARUh7xF0qg6vQAAAAA2FkYQEC
    -----END OPENSSH PRIVATE KEY-----
  '';
  eve = pkgs.writeText "eve" ''
    -----BEGIN OPENSSH PRIVATE KEY-----
    b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
    QyNTUxOQAAACDXjtUO1Ts9brEROqRGJ/Eg2/LP9SrZq8dwZ8oovail8wAAAIgWZtBfFmbQ
    XwAAAAtzc2gtZWQyNTUxOQAAACDXjtUO1Ts9brEROqRGJ/Eg2/LP9SrZq8dwZ8oovail8w
    AAAEBCf/qCfMxOABRG/s/N1+RsCvdR0ySVoOS1uito+tgzbdeO1Q7VOz1usRE6pEYn8SDb
    8s/1Ktmrx3Bnyii9qKXzAAAAA2V2ZQEC
    -----END OPENSSH PRIVATE KEY-----
  '';

  ssh = key: "ssh -F none -i /tmp/${key} -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=20";
in
{
  name = "server";

  nodes.server = {
    services.openssh = {
      enable = true;
      settings.PasswordAuthentication = false;
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
      virtualHosts.server.locations."/".return = "200 hello";
    };
    networking.firewall.allowedTCPPorts = [ 80 ];
    users.users.ada = {
      isNormalUser = true;
      extraGroups = [ "wheel" ];
      openssh.authorizedKeys.keys = [ publicKey ];
    };
    systemd.tmpfiles.rules = [ "d /var/made 0751 ada users -" ];
    systemd.services.count = {
      startAt = "daily";
      script = "true";
    };
    # Something that listens behind the firewall.
    systemd.services.hidden = {
      wantedBy = [ "multi-user.target" ];
      serviceConfig.ExecStart = "${pkgs.systemd}/bin/systemd-socket-activate -l 8080 ${pkgs.coreutils}/bin/cat";
    };
    virtualisation.memorySize = 512;
  };

  nodes.client = {
    environment.systemPackages = [ pkgs.openssh ];
    environment.etc."keys/ada".source = ada;
    environment.etc."keys/eve".source = eve;
    virtualisation.memorySize = 384;
  };

  steps = [
    { node = "server"; run = "systemctl is-active sshd nginx nftables systemd-networkd dbus hidden"; }
    { node = "server"; run = "test -z \"$(systemctl --failed --no-legend)\""; }
    { node = "server"; run = "stat -c '%a %U' /var/made"; expect = "751 ada"; }
    { node = "server"; run = "cat /proc/sys/kernel/hostname"; expect = "server"; }
    { node = "server"; run = "grep '^ada:' /etc/passwd"; expect = "ada:x:1000:100:"; }
    { node = "server"; run = "systemctl list-timers --all --no-legend"; expect = "count.timer"; }
    { node = "server"; run = "nft list ruleset"; expect = "tcp dport { 22, 80 } accept"; }
    {
      node = "client";
      wait = ''
        exec 3<>/dev/tcp/server/80
        printf 'GET / HTTP/1.0\r\nHost: server\r\n\r\n' >&3
        grep hello <&3
      '';
    }
    {
      node = "client";
      run = "timeout 5 bash -c 'exec 3<>/dev/tcp/server/8080'";
      fails = true;
    }
    { node = "client"; run = "cp -L /etc/keys/* /tmp && chmod 600 /tmp/ada /tmp/eve"; }
    { node = "client"; run = "${ssh "ada"} ada@server id -un"; expect = "ada"; }
    { node = "client"; run = "${ssh "eve"} ada@server true"; fails = true; }
    { node = "client"; run = "${ssh "ada"} root@server true"; fails = true; }
    {
      node = "client";
      run = "${ssh "none"} -o PreferredAuthentications=password,keyboard-interactive ada@server true";
      fails = true;
    }
  ];
}
