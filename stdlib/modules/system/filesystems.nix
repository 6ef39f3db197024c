/**
  File systems and swap space, for `/etc/fstab` and for the initrd.
*/
{ config, lib, ... }:
let
  inherit (lib) mkOption types;

  # Before what lies below it.
  mounts = lib.sort (a: b: a.mountPoint < b.mountPoint) (
    lib.filter (f: f.enable) (builtins.attrValues config.fileSystems)
  );

  neededForBoot = [
    "/"
    "/nix"
    "/nix/store"
    "/var"
    "/var/log"
    "/var/lib"
    "/var/lib/nixos"
    "/etc"
    "/usr"
  ];

  escape = lib.replaceStrings [ " " "\t" ] [ "\\040" "\\011" ];

  mountModule =
    { name, config, ... }:
    {
      options = {
        enable = mkOption {
          type = types.bool;
          default = true;
          description = "Whether it is mounted.";
        };
        mountPoint = mkOption {
          type = types.nonEmptyStr;
          default = name;
          description = "Where it is mounted.";
        };
        device = mkOption {
          type = types.nullOr types.nonEmptyStr;
          default = if config.label != null then "/dev/disk/by-label/${config.label}" else config.fsType;
          defaultText = lib.literalMD "by its label, or the kind of file system";
          example = "/dev/sda1";
          description = "What is mounted.";
        };
        label = mkOption {
          type = types.nullOr types.nonEmptyStr;
          default = null;
          description = "The label by which it is found.";
        };
        fsType = mkOption {
          type = types.nonEmptyStr;
          default = "auto";
          description = "The kind of file system.";
        };
        options = mkOption {
          type = types.nonEmptyListOf types.nonEmptyStr;
          default = [ "defaults" ];
          description = "Mount options.";
        };
        depends = mkOption {
          type = types.listOf types.nonEmptyStr;
          default = [ ];
          description = "Mount points that must be there first.";
        };
        neededForBoot = mkOption {
          type = types.bool;
          default = false;
          description = "Whether the initrd mounts it.";
        };
        autoFormat = mkOption {
          type = types.bool;
          default = false;
          description = "Whether an empty device gets the file system at boot.";
        };
        noCheck = mkOption {
          type = types.bool;
          default = false;
          description = "Whether it is mounted without being checked.";
        };
      };
    };
in
{
  options = {
    fileSystems = mkOption {
      type = types.attrsOf (types.submodule mountModule);
      default = { };
      example = {
        "/".device = "/dev/disk/by-label/root";
      };
      description = "File systems by where they are mounted.";
    };
    swapDevices = mkOption {
      default = [ ];
      description = "Swap space.";
      type = types.listOf (
        types.submodule (
          { config, ... }:
          {
            options = {
              device = mkOption {
                type = types.nonEmptyStr;
                default = if config.label != null then "/dev/disk/by-label/${config.label}" else throw "swapDevices: an entry needs a device or a label";
                defaultText = lib.literalMD "by its label";
                description = "The device or file.";
              };
              label = mkOption {
                type = types.nullOr types.str;
                default = null;
                description = "The label by which it is found.";
              };
              size = mkOption {
                type = types.nullOr types.int;
                default = null;
                description = "For a file: its size in megabytes, to be made at boot.";
              };
              priority = mkOption {
                type = types.nullOr types.int;
                default = null;
                description = "Higher ones are used first.";
              };
            };
          }
        )
      );
    };
    system.fsForBoot = mkOption {
      type = types.listOf types.raw;
      internal = true;
      readOnly = true;
      default = lib.filter (f: f.neededForBoot || builtins.elem f.mountPoint neededForBoot) mounts;
      description = "What the initrd mounts, in order.";
    };
  };

  config = {
    environment.etc.fstab.text = ''
      # Made from the configuration of the system; do not edit.
      ${lib.concatMapStrings (
        f:
        "${escape f.device} ${escape f.mountPoint} ${f.fsType} ${
          lib.concatStringsSep "," (f.options ++ map (d: "x-systemd.requires-mounts-for=${escape d}") f.depends)
        } 0 ${
          if f.noCheck || builtins.elem f.fsType [ "tmpfs" "overlay" "bind" "none" "auto" "9p" "virtiofs" "erofs" ] then
            "0"
          else if f.mountPoint == "/" then
            "1"
          else
            "2"
        }\n"
      ) mounts}
      ${lib.concatMapStrings (
        s: "${s.device} none swap ${if s.priority == null then "defaults" else "pri=${toString s.priority}"} 0 0\n"
      ) config.swapDevices}
    '';
    boot.supportedFilesystems = lib.genAttrs (map (f: f.fsType) mounts) (_: true);
    boot.initrd.supportedFilesystems = lib.genAttrs (map (f: f.fsType) config.system.fsForBoot) (_: true);
    assertions = [
      {
        assertion = !config.boot.enable || config.fileSystems ? "/" || config.fileSystems == { };
        message = "The `fileSystems' option does not specify your root file system.";
      }
    ];
  };
}
