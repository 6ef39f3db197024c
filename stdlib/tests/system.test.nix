/**
  System modules: what options become. Nothing here builds anything.
*/
{ lib }:
let
  # Modules name packages that these tests need not have.
  pkgs = import ../. {
    overlays = [
      (
        final: prev:
        lib.genAttrs [
          "nftables"
          "nginx"
          "openssh"
          "postgresql_15"
          "redis"
          "sudo"
        ] (name: prev.${name} or prev.hello)
      )
    ];
  };

  # A system of the library's modules and these.
  configOf =
    module:
    (import ../modules/eval.nix {
      inherit lib pkgs;
      modules = [
        { system.stateVersion = "26.05"; }
        module
      ];
    }).config;

  textOf = file: module: (configOf module).environment.etc.${file}.text;
  failedOf = module: map (a: a.message) (lib.filter (a: !a.assertion) (configOf module).assertions);
in
{
  openPortsAreInTheFirewall = {
    expr = lib.hasInfix "tcp dport { 22, 80, 443, 8000-8010 } accept" (
      textOf "nftables.conf" {
        services.openssh.enable = true;
        networking.firewall.allowedTCPPorts = [
          443
          80
          443
        ];
        networking.firewall.allowedTCPPortRanges = [
          {
            from = 8000;
            to = 8010;
          }
        ];
      }
    );
    expected = true;
  };
  noFirewallNoRules = {
    expr = (configOf { networking.firewall.enable = false; }).environment.etc ? "nftables.conf";
    expected = false;
  };
  sshSettings = {
    expr = lib.filter (lib.hasPrefix "P") (
      lib.splitString "\n" (
        textOf "ssh/sshd_config" {
          services.openssh = {
            enable = true;
            ports = [ 2222 ];
            settings.PasswordAuthentication = false;
          };
        }
      )
    );
    expected = [
      "Port 2222"
      "PasswordAuthentication no"
      "PermitRootLogin prohibit-password"
    ];
  };
  keysOfUsers = {
    expr =
      (configOf {
        services.openssh.enable = true;
        users.users.ada = {
          isNormalUser = true;
          openssh.authorizedKeys.keys = [ "ssh-ed25519 A ada" ];
        };
      }).environment.etc."ssh/authorized_keys.d/ada".text;
    expected = "ssh-ed25519 A ada\n";
  };
  peopleHaveHomes = {
    expr =
      let
        inherit ((configOf { users.users.ada.isNormalUser = true; }).users.users) ada;
      in
      {
        inherit (ada) home group createHome;
        shell = toString ada.shell;
      };
    expected = {
      home = "/home/ada";
      group = "users";
      createHome = true;
      shell = "/run/current-system/sw/bin/bash";
    };
  };
  usersMustBeOfOneKind = {
    expr = failedOf { users.users.ada.group = "users"; };
    expected = [
      "Exactly one of `users.users.ada.isSystemUser` and `users.users.ada.isNormalUser` must be set."
    ];
  };
  numbersAreGivenOnce = {
    expr = failedOf {
      users.users.ada = {
        isNormalUser = true;
        uid = 0;
      };
    };
    expected = [ "These user numbers are given more than once: 0" ];
  };
  unitsOfServices = {
    expr =
      let
        inherit
          (
            (configOf {
              systemd.services.backup = {
                startAt = "daily";
                serviceConfig.ExecStart = "/bin/true";
                serviceConfig.Type = "oneshot";
                after = [ "network.target" ];
                restartIfChanged = false;
                path = lib.mkForce [ ];
                environment.A = "b c";
              };
            }).systemd
          )
          units
          ;
      in
      {
        service = units."backup.service".text;
        timer = units."backup.timer".text;
        inherit (units."backup.timer") wantedBy;
      };
    expected = {
      service = ''
        [Unit]
        After=network.target

        [Service]
        Environment="A=b c"
        X-RestartIfChanged=false
        ExecStart=/bin/true
        Type=oneshot
      '';
      timer = ''
        [Timer]
        OnCalendar=daily
      '';
      wantedBy = [ "timers.target" ];
    };
  };
  virtualHosts = {
    expr = failedOf {
      services.nginx.enable = true;
      services.nginx.virtualHosts."example.org".forceSSL = true;
    };
    expected = [
      "services.nginx.virtualHosts.example.org is to be encrypted and needs sslCertificate and sslCertificateKey."
    ];
  };
  fileSystemsInOrder = {
    expr = lib.filter (l: l != "" && !(lib.hasPrefix "#" l)) (
      lib.splitString "\n" (
        textOf "fstab" {
          fileSystems."/" = {
            device = "/dev/vda1";
            fsType = "ext4";
          };
          fileSystems."/home" = {
            label = "ho me";
            fsType = "ext4";
            options = [ "noatime" ];
          };
          fileSystems."/tmp".fsType = "tmpfs";
          swapDevices = [ { device = "/swap"; } ];
        }
      )
    );
    expected = [
      "/dev/vda1 / ext4 defaults 0 1"
      "/dev/disk/by-label/ho\\040me /home ext4 noatime 0 2"
      "tmpfs /tmp tmpfs defaults 0 0"
      "/swap none swap defaults 0 0"
    ];
  };
  parametersOfTheKernel = {
    expr = lib.hasInfix "net.ipv4.ip_forward=1\n" (
      textOf "sysctl.d/60-firn.conf" { boot.kernel.sysctl."net.ipv4.ip_forward" = true; }
    );
    expected = true;
  };
  specialisationsDiffer = {
    expr =
      let
        config = configOf {
          services.nginx.enable = true;
          specialisation.quiet.configuration.services.nginx.enable = lib.mkForce false;
        };
      in
      [
        (config.systemd.services ? nginx)
        (config.specialisation.quiet.configuration.systemd.services ? nginx)
        (config.specialisation.quiet.configuration.specialisation == { })
      ];
    expected = [
      true
      false
      true
    ];
  };
  unknownOption = {
    expr = (configOf { services.nginx.enabel = true; }).services.nginx.enable;
    fails = true;
  };
  # What newcomers copy from the web works as it is.
  aWebServer = {
    expr =
      let
        config = configOf {
          services.nginx.enable = true; networking.firewall.allowedTCPPorts = [ 80 443 ];
        };
      in
      [
        config.systemd.services.nginx.enable
        config.networking.firewall.allowedTCPPorts
        (lib.isDerivation config.system.build.toplevel)
      ];
    expected = [
      true
      [
        80
        443
      ]
      true
    ];
  };
  aDesktop = {
    expr =
      let
        config = configOf (
          { config, pkgs, ... }: { environment.systemPackages = with pkgs; [ vim git firefox htop ]; services.openssh.enable = true; networking.firewall.allowedTCPPorts = [ 22 80 443 ]; }
        );
      in
      [
        (lib.intersectLists (map lib.getName config.environment.systemPackages) [
          "firefox"
          "git"
          "htop"
          "vim"
        ])
        config.networking.firewall.allowedTCPPorts
        (lib.isDerivation config.system.build.toplevel)
      ];
    expected = [
      [
        "firefox"
        "git"
        "htop"
        "vim"
      ]
      [
        22
        80
        443
      ]
      true
    ];
  };
  # Hosts that share modules differ where their own differ.
  hostsDiffer = {
    expr =
      let
        shared = {
          services.openssh.enable = true;
          users.users.ada.isNormalUser = true;
        };
        host =
          name: more:
          configOf {
            imports = [
              shared
              more
            ];
            networking.hostName = name;
          };
        a = host "a" { };
        b = host "b" { services.nginx.enable = true; };
        changed = lib.filter (n: (a.systemd.units.${n}.text or null) != (b.systemd.units.${n}.text or null)) (
          lib.unique (builtins.attrNames a.systemd.units ++ builtins.attrNames b.systemd.units)
        );
        again = host "a" { };
      in
      {
        inherit changed;
        same = a.system.build.toplevel.drvPath == again.system.build.toplevel.drvPath;
        other = a.system.build.toplevel.drvPath == b.system.build.toplevel.drvPath;
      };
    expected = {
      changed = [ "nginx.service" ];
      same = true;
      other = false;
    };
  };
  # What a configuration sets is part of what its system says of itself.
  whatIsSet = {
    expr = removeAttrs (configOf {
      services.nginx.enable = true;
      networking.hostName = lib.mkForce "web";
      time.timeZone = lib.mkDefault "UTC";
    }).system.build.setOptions [ "system.stateVersion" ];
    expected = {
      "networking.hostName".value = "\"web\"";
      "services.nginx.enable".value = "true";
    };
  };
  systemsOfValues = {
    expr =
      let
        from = args: (import ../modules/from.nix args).system.config.networking.hostName;
        module = {
          networking.hostName = "m";
          system.stateVersion = "26.05";
        };
        evaluated = import ../modules/eval.nix {
          inherit lib pkgs;
          modules = [ module ];
        };
      in
      [
        (from { value = module; })
        (from { value = evaluated; })
        (from { value = { lib, ... }: module; })
        (from { value = { pkgs ? null }: evaluated; })
        (from {
          value.nixosConfigurations = {
            a = evaluated;
            b = null;
          };
          host = "a";
        })
        (from { value.nixosConfigurations.a = evaluated; })
      ];
    expected = lib.replicate 6 "m";
  };
  explanations = {
    expr =
      let
        explained =
          (import ../modules/explain.nix {
            inherit lib;
            inherit
              (import ../modules/eval.nix {
                inherit lib pkgs;
                modules = [ { networking.hostName = "web"; } ];
              })
              options
              ;
          }).explain
            "networking.hostName";
      in
      {
        inherit (explained) name value;
        used = lib.length (lib.filter (d: d.used) explained.definitions);
        hasLine = builtins.all (d: d.line != null) (lib.filter (d: d.used) explained.definitions);
      };
    expected = {
      name = "networking.hostName";
      value = "\"web\"";
      used = 1;
      hasLine = true;
    };
  };
  # Machines that share modules differ where their own files do, and nowhere else.
  sharedModulesGiveTheSame = {
    expr =
      let
        host =
          module:
          configOf {
            imports = [
              {
                services.openssh.enable = true;
                networking.firewall.allowedTCPPorts = [ 80 ];
                users.users.ada.isNormalUser = true;
                systemd.services.count = {
                  startAt = "daily";
                  script = "true";
                };
              }
              module
            ];
          };
        a = host { networking.hostName = "a"; };
        b = host {
          networking.hostName = "b";
          services.nginx.enable = true;
        };
        differing =
          view:
          let
            old = view a;
            new = view b;
          in
          lib.filter (name: (old.${name} or null) != (new.${name} or null)) (builtins.attrNames (old // new));
        content = file: if file.source == null then file.text else toString file.source;
      in
      {
        etc = differing (c: builtins.mapAttrs (_: content) (lib.filterAttrs (_: e: e.enable) c.environment.etc));
        units = differing (c: builtins.mapAttrs (_: u: u.text) c.systemd.units);
        users = differing (c: builtins.mapAttrs (_: u: u.uid) c.users.users);
        activation = differing (c: builtins.mapAttrs (_: s: s.text or s) c.system.activationScripts);
      };
    expected = {
      etc = [
        "hostname"
        "hosts"
        "systemd/system"
      ];
      units = [ "nginx.service" ];
      users = [ "nginx" ];
      # What these three files and the user come from.
      activation = [
        "etc"
        "hostname"
        "users"
      ];
    };
  };
  # Everything that documentation shows has something to show.
  everyOptionIsDescribed = {
    expr = map (o: o.name) (
      lib.filter (o: o.visible && !o.internal && o.description == null) (
        lib.optionAttrSetToDocList
          (import ../modules/eval.nix {
            inherit lib pkgs;
            modules = [ ];
          }).options
      )
    );
    expected = [ ];
  };
}
