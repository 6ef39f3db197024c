/**
  Numbers of users and groups that must be the same on every machine and in
  every generation.
*/
{ lib, ... }:
{
  options.ids = {
    uids = lib.mkOption {
      type = lib.types.attrsOf lib.types.int;
      internal = true;
      description = "User numbers by name.";
    };
    gids = lib.mkOption {
      type = lib.types.attrsOf lib.types.int;
      internal = true;
      description = "Group numbers by name.";
    };
  };

  config.ids = {
    uids = {
      root = 0;
      messagebus = 4;
      sshd = 55;
      nginx = 60;
      postgres = 71;
      systemd-network = 152;
      systemd-resolve = 153;
      systemd-timesync = 154;
      nobody = 65534;
    };
    gids = {
      root = 0;
      wheel = 1;
      kmem = 2;
      tty = 3;
      messagebus = 4;
      disk = 6;
      floppy = 18;
      uucp = 19;
      lp = 20;
      cdrom = 24;
      tape = 25;
      audio = 17;
      video = 26;
      dialout = 27;
      utmp = 29;
      adm = 55;
      sshd = 58;
      nginx = 60;
      systemd-journal = 62;
      keys = 96;
      users = 100;
      input = 174;
      postgres = 71;
      systemd-network = 152;
      systemd-resolve = 153;
      systemd-timesync = 154;
      shadow = 318;
      kvm = 302;
      render = 303;
      sgx = 304;
      nogroup = 65534;
    };
  };
}
