/**
  A virtual machine to try a system in: `config.system.build.vm` has a program
  that starts it, with the store in one image and everything else in memory.
*/
{
  config,
  extendModules,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.virtualisation;

  # The same system, with the file systems of the virtual machine.
  variant = extendModules {
    modules = [
      {
        isVirtualMachine = true;
        fileSystems = lib.mkVMOverride {
          "/" = {
            device = "tmpfs";
            fsType = "tmpfs";
            options = [ "mode=0755" ];
          };
          "/nix/store" = {
            device = "/dev/vda";
            fsType = "erofs";
            options = [ "ro" ];
            neededForBoot = true;
          };
        };
        swapDevices = lib.mkVMOverride [ ];
        boot.initrd.kernelModules = [
          "virtio_pci"
          "virtio_blk"
          "virtio_net"
        ];
        boot.kernelParams = [ "console=ttyS0" "panic=5" ];
        boot.loader.systemd-boot.enable = lib.mkVMOverride false;
        boot.loader.generic-extlinux-compatible.enable = lib.mkVMOverride false;
      }
    ];
  };
  system = variant.config;
  inherit (system.system.build) toplevel;

  # Everything the system refers to, as one read-only file system.
  image =
    pkgs.runCommandLocal "store.erofs"
      {
        exportReferencesGraph = [
          "closure"
          toplevel
        ];
        nativeBuildInputs = [ pkgs.erofs-utils ];
      }
      ''
        mkdir tree
        # The graph has for each path: itself, its deriver, a number, and so many references.
        while read -r path; do
          read -r deriver
          read -r count
          for ((i = 0; i < count; i++)); do read -r reference; done
          [ -e "tree/''${path##*/}" ] || cp -a "$path" tree/
        done < closure
        mkfs.erofs -T0 -U 00000000-0000-0000-0000-000000000000 --all-root $out tree
      '';
in
{
  options = {
    isVirtualMachine = mkOption {
      type = types.bool;
      default = false;
      internal = true;
      description = "Whether this is the variant that runs in a virtual machine.";
    };
    virtualisation = {
      memorySize = mkOption {
        type = types.ints.positive;
        default = 512;
        description = "Megabytes of memory.";
      };
      cores = mkOption {
        type = types.ints.positive;
        default = 1;
        description = "Processors.";
      };
      forwardPorts = mkOption {
        default = [ ];
        description = "Ports of this machine that reach the virtual one.";
        type = types.listOf (
          types.submodule {
            options = {
              proto = mkOption {
                type = types.enum [
                  "tcp"
                  "udp"
                ];
                default = "tcp";
                description = "The protocol.";
              };
              host.port = mkOption {
                type = types.port;
                description = "The port here.";
              };
              guest.port = mkOption {
                type = types.port;
                description = "The port there.";
              };
            };
          }
        );
      };
      qemu.options = mkOption {
        type = types.listOf types.str;
        default = [ ];
        description = "Further arguments of QEMU.";
      };
    };
  };

  config.system.build = lib.mkIf (!config.isVirtualMachine) {
    vmSystem = toplevel;
    vmStore = image;
    vm = pkgs.writeShellScriptBin "run-${config.system.name}-vm" ''
      # Starts the system in a virtual machine on this terminal. Emulation is asked for unless the processor says that it
      # can do better: on some machines the device for it is there and hangs.
      accel=tcg
      if [ -w /dev/kvm ] && grep -qE '^flags.* (vmx|svm)( |$)' /proc/cpuinfo; then accel=kvm; fi
      exec qemu-system-x86_64 -machine q35,accel=$accel -cpu max -m ${toString cfg.memorySize} -smp ${toString cfg.cores} \
        -nographic -no-reboot \
        -kernel ${toplevel}/kernel -initrd ${toplevel}/initrd \
        -append "$(cat ${toplevel}/kernel-params) init=${toplevel}/init $FIRN_KERNEL_PARAMS" \
        -drive file=${image},if=virtio,readonly=on,format=raw \
        -netdev user,id=net0${lib.concatMapStrings (f: ",hostfwd=${f.proto}:127.0.0.1:${toString f.host.port}-:${toString f.guest.port}") cfg.forwardPorts} -device virtio-net-pci,netdev=net0 \
        ${lib.concatStringsSep " " cfg.qemu.options} "$@"
    '';
  };
}
