/**
  The initrd: what the kernel starts first, a static busybox with the modules
  that reaching the root file system takes.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.boot.initrd;
  kernel = config.boot.kernelPackages.kernel or null;

  # Options that mean something to other readers of fstab only.
  mountOptions =
    f:
    let
      kept = lib.filter (o: !(lib.hasPrefix "x-" o) && o != "defaults" && o != "nofail" && o != "noauto") f.options;
    in
    if kept == [ ] then "rw" else lib.concatStringsSep "," kept;
in
{
  config = lib.mkIf (cfg.enable && kernel != null) {
    system.build.initialRamdisk = pkgs.runCommandLocal "initrd" {
      inherit (pkgs.bootstrap.seed) busybox;
      inherit kernel;
      modules = cfg.availableKernelModules;
      loaded = cfg.kernelModules ++ builtins.attrNames cfg.supportedFilesystems;
      mounts = pkgs.writeText "mounts" (
        lib.concatMapStrings (
          f: "${f.mountPoint} ${f.device} ${f.fsType} ${mountOptions f}\n"
        ) config.system.fsForBoot
      );
      init = ./initrd-init.sh;
    } "source ${./initrd.sh}";
  };
}
