/**
  The service manager: units of all kinds, and its own configuration.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.systemd;
  unit = import ./systemd-lib.nix { inherit lib config pkgs; };

  kind = description: options: mkOption {
    type = types.attrsOf (types.submodule { inherit options; });
    default = { };
    inherit description;
  };

  serviceKind = description: mkOption {
    type = types.attrsOf (
      types.submodule {
        options = unit.serviceOptions;
        # Every service finds the basic tools.
        config.path = lib.mkAfter [
          pkgs.coreutils
          pkgs.findutils
          pkgs.gnugrep
          pkgs.gnused
        ];
      }
    );
    default = { };
    inherit description;
  };

  # What of an evaluated unit its file and links need.
  file = text: u: {
    inherit text;
    inherit (u)
      enable
      wantedBy
      requiredBy
      upheldBy
      aliases
      overrideStrategy
      ;
  };

  suffixed =
    suffix: textOf: set:
    lib.mapAttrs' (name: u: lib.nameValuePair "${name}.${suffix}" (file (textOf name u) u)) set;

  unitsOf =
    c:
    suffixed "service" unit.serviceText c.services
    // suffixed "socket" (_: unit.socketText) c.sockets
    // suffixed "timer" (_: unit.timerText) c.timers
    // suffixed "path" (_: unit.pathText) c.paths
    // suffixed "target" (_: unit.targetText) c.targets
    // suffixed "slice" (_: unit.sliceText) c.slices;

  timersOf =
    services:
    builtins.mapAttrs (name: s: {
      wantedBy = [ "timers.target" ];
      timerConfig.OnCalendar = s.startAt;
    }) (lib.filterAttrs (_: s: s.enable && s.startAt != [ ]) services);
in
{
  options.systemd = {
    package = mkOption {
      type = types.nullOr types.package;
      default = pkgs.systemd or null;
      defaultText = lib.literalExpression "pkgs.systemd";
      description = "The service manager.";
    };
    packages = mkOption {
      type = types.listOf types.package;
      default = [ ];
      description = "Packages whose units are part of the system.";
    };
    units = mkOption {
      type = types.attrsOf types.raw;
      default = { };
      internal = true;
      description = "All units by file name.";
    };
    services = serviceKind "Services: programs that run.";
    sockets = kind "Sockets that start services." unit.socketOptions;
    timers = kind "Timers that start services." unit.timerOptions;
    paths = kind "Paths whose change starts services." unit.pathOptions;
    targets = kind "Groups of units." unit.unitOptions;
    slices = kind "Groups of processes with limits." unit.sliceOptions;
    mounts = mkOption {
      type = types.listOf (types.submodule { options = unit.mountOptions; });
      default = [ ];
      description = "File systems mounted by the service manager.";
    };
    user = {
      services = serviceKind "Services of every user.";
      sockets = kind "Sockets of every user." unit.socketOptions;
      timers = kind "Timers of every user." unit.timerOptions;
      paths = kind "Paths of every user." unit.pathOptions;
      targets = kind "Groups of units of every user." unit.unitOptions;
      slices = kind "Groups of processes of every user." unit.sliceOptions;
    };
    defaultUnit = mkOption {
      type = types.str;
      default = "multi-user.target";
      description = "What is started at boot.";
    };
    globalEnvironment = mkOption {
      type = types.attrsOf (types.nullOr types.str);
      default = { };
      description = "Variables of all services.";
    };
    extraConfig = mkOption {
      type = types.lines;
      default = "";
      description = "Lines of `/etc/systemd/system.conf`.";
    };
    enableEmergencyMode = mkOption {
      type = types.bool;
      default = true;
      description = "Whether a boot that fails ends in a shell.";
    };
  };

  options.services.journald.extraConfig = mkOption {
    type = types.lines;
    default = "";
    description = "Lines of `/etc/systemd/journald.conf`.";
  };

  config = {
    systemd.timers = timersOf cfg.services;
    systemd.user.timers = timersOf cfg.user.services;
    systemd.units =
      unitsOf cfg
      // builtins.listToAttrs (
        map (m: lib.nameValuePair "${unit.mountName m.where}.mount" (file (unit.mountText m) m)) cfg.mounts
      );

    environment.etc = {
      "systemd/system".source = unit.unitsDirectory "system-units" cfg.units (
        if cfg.package == null then "" else "${cfg.package}/lib/systemd/system"
      );
      "systemd/user".source = unit.unitsDirectory "user-units" (unitsOf cfg.user) (
        if cfg.package == null then "" else "${cfg.package}/lib/systemd/user"
      );
      "systemd/system.conf".text = ''
        [Manager]
        ManagerEnvironment=PATH=/run/current-system/sw/bin
        ${lib.concatStrings (
          lib.mapAttrsToList (n: v: lib.optionalString (v != null) "DefaultEnvironment=${builtins.toJSON "${n}=${v}"}\n") cfg.globalEnvironment
        )}${cfg.extraConfig}
      '';
      "systemd/journald.conf".text = ''
        [Journal]
        Storage=persistent
        ${config.services.journald.extraConfig}
      '';
    };

    # What its own programs are looked for by, and what they run as.
    system.activationScripts = lib.mkIf (cfg.package != null) {
      systemd.text = ''
        # A process takes long where the processor is emulated, and this is part of every boot.
        mkdir -p /lib /usr/lib /etc /bin /sbin /usr/bin /usr/sbin /usr/share
        _fresh=()
        for _name in systemd udev; do
          if [ -e /lib/$_name ] || [ -L /lib/$_name ]; then
            ln -sfn ${cfg.package}/lib/$_name /lib/.$_name.tmp
            mv -Tf /lib/.$_name.tmp /lib/$_name
          else
            _fresh+=(${cfg.package}/lib/$_name)
          fi
        done
        [ "''${#_fresh[@]}" = 0 ] || ln -s -t /lib "''${_fresh[@]}"
        ln -sfn -t /usr/lib /lib/systemd
        # Programs that it, and the kernel, call by these names.
        ln -sf -t /bin ${cfg.package}/bin/{mount,umount,systemctl}
        ln -sf -t /sbin ${cfg.package}/bin/{modprobe,swapon,swapoff,sulogin,fsck}
        ln -sf -t /usr/bin ${cfg.package}/bin/nologin
        ln -sf -t /usr/sbin ${cfg.package}/bin/nologin
        ln -sfn -t /usr/share ${cfg.package}/share/dbus-1
        if [ -e "$systemConfig/kernel-modules" ]; then
          ln -sfn /run/booted-system/kernel-modules/lib/modules /lib/modules
        fi
        [ -e /etc/machine-id ] || : > /etc/machine-id
      '';
    };
    users = lib.mkIf (cfg.package != null) {
      users =
        lib.genAttrs
          [
            "messagebus"
            "systemd-resolve"
            "systemd-timesync"
          ]
          (name: {
            uid = config.ids.uids.${name};
            group = name;
            isSystemUser = true;
          });
      groups = lib.genAttrs [
        "messagebus"
        "systemd-resolve"
        "systemd-timesync"
      ] (name: { gid = config.ids.gids.${name}; });
    };
    environment.systemPackages = lib.optionals (cfg.package != null) [
      cfg.package
      # Names that `systemctl` answers to and that come apart from it.
      (pkgs.runCommandLocal "systemd-commands" { } ''
        mkdir -p $out/bin
        for name in halt poweroff reboot shutdown; do
          ln -s ${cfg.package}/bin/systemctl $out/bin/$name
        done
      '')
    ];
    boot.kernel.sysctl."kernel.core_pattern" = lib.mkIf (cfg.package != null) (lib.mkDefault "core");

    # The targets a system needs even where no package of systemd's brings them.
    systemd.targets = lib.mkIf (cfg.package == null) {
      multi-user.description = "Multi-user system";
      timers.description = "Timers";
      network.description = "Network";
    };
  };
}
