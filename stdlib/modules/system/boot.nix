/**
  The kernel, its parameters and modules, and the first root file system.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.boot;
  modules = description: mkOption {
    type = types.listOf types.str;
    default = [ ];
    inherit description;
  };
in
{
  options.boot = {
    enable = mkOption {
      type = types.bool;
      default = !cfg.isContainer;
      defaultText = lib.literalExpression "!config.boot.isContainer";
      description = "Whether the system boots a kernel of its own.";
    };
    isContainer = mkOption {
      type = types.bool;
      default = false;
      description = "Whether the system runs under another one's kernel.";
    };
    kernelPackages = mkOption {
      type = types.nullOr types.raw;
      default = pkgs.linuxPackages or null;
      defaultText = lib.literalExpression "pkgs.linuxPackages";
      description = "The kernel, with the modules that were built for it.";
    };
    kernelParams = mkOption {
      type = types.listOf (types.strMatching ''([^"[:space:]]|"[^"]*")+'' // {
        name = "kernelParam";
        description = "string, with spaces inside double quotes";
      });
      default = [ ];
      description = "Parameters of the kernel.";
    };
    consoleLogLevel = mkOption {
      type = types.int;
      default = 4;
      description = "Messages of a higher level than this are not shown.";
    };
    kernelModules = modules "Modules to load at boot.";
    extraModulePackages = mkOption {
      type = types.listOf types.package;
      default = [ ];
      description = "Packages of further modules.";
    };
    blacklistedKernelModules = modules "Modules that are not loaded by themselves.";
    extraModprobeConfig = mkOption {
      type = types.lines;
      default = "";
      description = "Lines of `modprobe.conf`.";
    };
    supportedFilesystems = mkOption {
      type = types.coercedTo (types.listOf types.str) (list: lib.genAttrs list (_: true)) (types.attrsOf types.bool);
      default = { };
      description = "File systems that the machine can mount.";
    };
    initrd = {
      enable = mkOption {
        type = types.bool;
        default = cfg.enable;
        defaultText = lib.literalExpression "config.boot.enable";
        description = "Whether there is a first root file system.";
      };
      kernelModules = modules "Modules to load before the root file system is mounted.";
      availableKernelModules = modules "Modules to have there, loaded when their hardware is.";
      supportedFilesystems = mkOption {
        type = types.coercedTo (types.listOf types.str) (list: lib.genAttrs list (_: true)) (types.attrsOf types.bool);
        default = { };
        description = "File systems that can be the root.";
      };
      systemd.enable = mkOption {
        type = types.bool;
        default = false;
        description = "Whether systemd runs there; it is a short shell script otherwise.";
      };
      postMountCommands = mkOption {
        type = types.lines;
        default = "";
        description = "Shell commands once the root file system is mounted.";
      };
      preDeviceCommands = mkOption {
        type = types.lines;
        default = "";
        description = "Shell commands before devices are looked for.";
      };
    };
    tmp = {
      useTmpfs = mkOption {
        type = types.bool;
        default = false;
        description = "Whether `/tmp` is in memory.";
      };
      tmpfsSize = mkOption {
        type = types.oneOf [ types.str types.ints.positive ];
        default = "50%";
        description = "How large it may be.";
      };
      cleanOnBoot = mkOption {
        type = types.bool;
        default = false;
        description = "Whether `/tmp` is emptied at boot.";
      };
    };
  };

  options.hardware.enableRedistributableFirmware = mkOption {
    type = types.bool;
    default = false;
    description = "Whether firmware that may be passed on is there.";
  };

  config = lib.mkIf cfg.enable {
    boot.kernelParams = [ "loglevel=${toString cfg.consoleLogLevel}" ];
    boot.kernelModules = [ "loop" ];
    boot.initrd.availableKernelModules = [
      "ahci"
      "ext4"
      "nvme"
      "overlay"
      "sd_mod"
      "virtio_blk"
      "virtio_net"
      "virtio_pci"
      "virtio_scsi"
      "virtiofs"
      "erofs"
    ];
    environment.etc = {
      "modules-load.d/firn.conf".text = lib.concatLines cfg.kernelModules;
      "modprobe.d/firn.conf".text =
        lib.concatMapStrings (m: "blacklist ${m}\n") cfg.blacklistedKernelModules + cfg.extraModprobeConfig;
    };
    systemd.tmpfiles.rules = lib.optional cfg.tmp.cleanOnBoot "D! /tmp 1777 root root -";
    systemd.mounts = lib.optional cfg.tmp.useTmpfs {
      what = "tmpfs";
      where = "/tmp";
      type = "tmpfs";
      mountConfig.Options = "mode=1777,strictatime,rw,nosuid,nodev,size=${toString cfg.tmp.tmpfsSize}";
      wantedBy = [ "local-fs.target" ];
    };
  };
}
