/**
  Boot loaders: what puts the menu of generations where the firmware finds it.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.boot.loader;
  enable = description: mkOption {
    type = types.bool;
    default = false;
    inherit description;
  };
  efi = cfg.efi.efiSysMountPoint;
  counts = cfg.systemd-boot.enable && cfg.systemd-boot.bootCounting.enable;
  limit = mkOption {
    type = types.nullOr types.ints.positive;
    default = null;
    example = 20;
    description = "How many generations the menu has; `null` for all.";
  };
in
{
  options.boot.loader = {
    timeout = mkOption {
      type = types.nullOr types.int;
      default = 5;
      description = "Seconds until the default starts; `null` to wait.";
    };
    efi = {
      canTouchEfiVariables = enable "Whether the firmware's own boot entries may be changed.";
      efiSysMountPoint = mkOption {
        type = types.str;
        default = "/boot";
        description = "Where the EFI system partition is mounted.";
      };
    };
    systemd-boot = {
      enable = enable "Whether systemd-boot is the loader, for UEFI.";
      configurationLimit = limit;
      editor = mkOption {
        type = types.bool;
        default = true;
        description = "Whether kernel parameters may be changed in the menu.";
      };
      consoleMode = mkOption {
        type = types.enum [
          "0"
          "1"
          "2"
          "5"
          "auto"
          "max"
          "keep"
        ];
        default = "keep";
        description = "The resolution of the menu.";
      };
      bootCounting = {
        enable = enable "Whether an entry that fails to start so often is left out.";
        tries = mkOption {
          type = types.ints.positive;
          default = 3;
          description = "How often a new entry is tried.";
        };
      };
    };
    generic-extlinux-compatible = {
      enable = enable "Whether a menu for extlinux, syslinux or U-Boot is written.";
      configurationLimit = mkOption {
        type = types.int;
        default = 20;
        description = "How many generations the menu has.";
      };
    };
    grub = {
      enable = enable "Whether GRUB is the loader; it is not supported here, and exists so that modules can turn it off.";
      device = mkOption {
        type = types.str;
        default = "";
        description = "The disk that GRUB is put on.";
      };
      devices = mkOption {
        type = types.listOf types.str;
        default = [ ];
        description = "The disks that GRUB is put on.";
      };
    };
  };

  options.system.boot.loader = {
    id = mkOption {
      type = types.str;
      internal = true;
      default =
        if cfg.systemd-boot.enable then
          "systemd-boot"
        else if cfg.generic-extlinux-compatible.enable then
          "extlinux"
        else
          "none";
      description = "Which loader it is.";
    };
    kernelFile = mkOption {
      type = types.str;
      internal = true;
      default = "bzImage";
      description = "The kernel's file in its package.";
    };
    initrdFile = mkOption {
      type = types.str;
      internal = true;
      default = "initrd";
      description = "The initrd's file in its package.";
    };
  };

  # What the tool that writes menus has to know.
  config.system.build.bootLoaderConfig = {
    inherit (config.system.boot.loader) id;
    inherit (cfg) timeout;
    title = config.system.nixos.distroName;
  }
  // lib.optionalAttrs cfg.systemd-boot.enable {
    mountPoint = efi;
    limit = cfg.systemd-boot.configurationLimit;
    inherit (cfg.systemd-boot) editor consoleMode;
    tries = if counts then cfg.systemd-boot.bootCounting.tries else null;
    program = "${pkgs.systemd-boot}/lib/systemd/boot/efi/systemd-bootx64.efi";
  }
  // lib.optionalAttrs cfg.generic-extlinux-compatible.enable {
    limit = cfg.generic-extlinux-compatible.configurationLimit;
  };

  # A system that is up takes away the counter of the entry that it was started by.
  config.systemd.services.boot-is-good = lib.mkIf counts {
    description = "Mark this boot as good";
    wantedBy = [ "multi-user.target" ];
    after = [ "multi-user.target" ];
    unitConfig.DefaultDependencies = false;
    unitConfig.RequiresMountsFor = efi;
    restartIfChanged = false;
    serviceConfig.Type = "oneshot";
    serviceConfig.RemainAfterExit = true;
    script = ''
      booted=$(readlink -f /run/booted-system)
      for entry in ${efi}/loader/entries/*+*.conf; do
        [ -e "$entry" ] || continue
        if grep -q "init=$booted/init" "$entry"; then
          mv "$entry" "''${entry%%+*}.conf"
          sync -f ${efi}
        fi
      done
    '';
  };

  config.assertions = [
    {
      assertion = !cfg.grub.enable;
      message = "boot.loader.grub is not supported; use boot.loader.systemd-boot or boot.loader.generic-extlinux-compatible.";
    }
    {
      assertion = !(cfg.systemd-boot.enable && cfg.generic-extlinux-compatible.enable);
      message = "Only one boot loader can be enabled.";
    }
  ];
}
