/**
  A virtual machine to try a system in, with the store in one image and
  everything else in memory. `config.system.build.vm` has a program that starts
  it, `config.system.build.vmSpec` says the same as data for `firn system vm`.
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
        fileSystems = lib.mkVMOverride ({
          "/" =
            if cfg.persistent then
              {
                device = "/dev/vdc";
                fsType = "ext4";
              }
            else
              {
                device = "tmpfs";
                fsType = "tmpfs";
                options = [ "mode=0755" ];
              };
          "/nix/.ro-store" = {
            device = "/dev/vda";
            fsType = "erofs";
            options = [ "ro" ];
            neededForBoot = true;
          };
          # What is added at run time lies over the image.
          "/nix/store" = {
            device = "overlay";
            fsType = "overlay";
            options = [
              "lowerdir=/nix/.ro-store"
              "upperdir=/nix/.rw-store/store"
              "workdir=/nix/.rw-store/work"
            ];
            neededForBoot = true;
          };
        } // lib.optionalAttrs cfg.useBootLoader {
          ${config.boot.loader.efi.efiSysMountPoint} = {
            device = "/dev/vdd";
            fsType = "vfat";
          };
        });
        swapDevices = lib.mkVMOverride [ ];
        boot.initrd.kernelModules = [
          "virtio_pci"
          "virtio_blk"
          "virtio_net"
        ];
        # The kernel tests its timer against the clock of a processor that may have waited for its turn.
        boot.kernelParams = [ "console=ttyS0" "panic=5" "no_timer_check" ];
        boot.loader.systemd-boot.enable = lib.mkVMOverride cfg.useBootLoader;
        boot.loader.generic-extlinux-compatible.enable = lib.mkVMOverride false;
      }
      (lib.mkIf (cfg.firn != null) {
        environment.systemPackages = [ cfg.firn ];
        # Whoever started the machine has its console.
        services.getty.autologinUser = lib.mkDefault "root";
        # The store's database, from the disk that lists what is in it, and the first generation.
        system.activationScripts.registration.text = ''
          if [ ! -e /nix/var/nix/profiles/system ] && [ -b /dev/vdb ]; then
            mkdir -p /nix/var/nix/profiles
            # Its first line says how long the rest is.
            IFS= read -r _length < /dev/vdb
            tail -n +2 /dev/vdb | head -c "$_length" | ${cfg.firn}/bin/nix-store --load-db
            ln -sfn "$systemConfig" /nix/var/nix/profiles/system-1-link
            ln -sfn system-1-link /nix/var/nix/profiles/system
          fi
        '';
      })
    ];
  };
  system = variant.config;
  inherit (system.system.build) toplevel;

  # Everything that systems refer to, as one read-only file system.
  imageOf =
    systems:
    pkgs.runCommandLocal "store.erofs"
      {
        exportReferencesGraph = lib.concatLists (lib.imap0 (i: s: [ "closure-${toString i}" s ]) systems);
        nativeBuildInputs = [ pkgs.prebuilt.erofs-utils ];
      }
      ''
        mkdir tree
        # A graph has for each path: itself, its deriver, a number, and so many references.
        for graph in closure-*; do
          while read -r path; do
            read -r deriver
            read -r count
            for ((i = 0; i < count; i++)); do read -r reference; done
            [ -e "tree/''${path##*/}" ] || cp -a "$path" tree/
          done < $graph
        done
        mkfs.erofs -T0 -U 00000000-0000-0000-0000-000000000000 --all-root $out tree
      '';

  # An empty file system, the same for everybody.
  emptyState =
    pkgs.runCommandLocal "state.ext4"
      {
        nativeBuildInputs = [ pkgs.prebuilt.e2fsprogs ];
      }
      ''
        truncate -s ${toString cfg.stateSize}M $out
        E2FSPROGS_FAKE_TIME=1 mkfs.ext4 -q -F -L state -U 00000000-0000-0000-0000-000000000001 \
          -E hash_seed=00000000-0000-0000-0000-000000000002,lazy_itable_init=0,root_owner=0:0 $out
      '';

  # A machine as `firn system vm` and tests start it.
  specOf = systems: {
    inherit toplevel systems;
    kernel = "${system.boot.kernelPackages.kernel}/${system.system.boot.loader.kernelFile}";
    initrd = "${system.system.build.initialRamdisk}/${system.system.boot.loader.initrdFile}";
    commandLine = lib.concatStringsSep " " (system.boot.kernelParams ++ [ "init=${toplevel}/init" ]);
    storeImage = imageOf systems;
    stateImage = if cfg.persistent then emptyState else null;
    inherit (cfg)
      cores
      forwardPorts
      memorySize
      useBootLoader
      ;
    inherit (cfg.qemu) options;
  };
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
      firn = mkOption {
        type = types.nullOr types.package;
        default = null;
        internal = true;
        description = "The tool itself, for machines that switch.";
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
      persistent = mkOption {
        type = types.bool;
        default = false;
        description = "Whether tests of the machine keep its files when it reboots.";
      };
      stateSize = mkOption {
        type = types.ints.positive;
        default = 64;
        description = "Megabytes of the disk that a persistent machine keeps its files on.";
      };
      useBootLoader = mkOption {
        type = types.bool;
        default = false;
        description = "Whether tests of the machine boot it by UEFI firmware and systemd-boot.";
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
    vmSpec = pkgs.writeText "vm.json" (builtins.toJSON (specOf [ toplevel ]));
    # With further systems in the store, for tests that switch to them.
    vmSpecWith = more: specOf ([ toplevel ] ++ more);
    vm = pkgs.writeShellScriptBin "run-${config.system.name}-vm" ''
      # Starts the system in a virtual machine on this terminal. Emulation is asked for unless the processor says that it
      # can do better: on some machines the device for it is there and hangs.
      accel=tcg
      if [ -w /dev/kvm ] && grep -qE '^flags.* (vmx|svm)( |$)' /proc/cpuinfo; then accel=kvm; fi
      exec qemu-system-x86_64 -machine q35,accel=$accel -cpu max -m ${toString cfg.memorySize} -smp ${toString cfg.cores} \
        -nographic -no-reboot \
        -kernel ${toplevel}/kernel -initrd ${toplevel}/initrd \
        -append "$(cat ${toplevel}/kernel-params) init=${toplevel}/init $FIRN_KERNEL_PARAMS" \
        -drive file=${imageOf [ toplevel ]},if=virtio,readonly=on,format=raw \
        -netdev user,id=net0${lib.concatMapStrings (f: ",hostfwd=${f.proto}:127.0.0.1:${toString f.host.port}-:${toString f.guest.port}") cfg.forwardPorts} -device virtio-net-pci,netdev=net0 \
        ${lib.concatStringsSep " " cfg.qemu.options} "$@"
    '';
  };
}
