/**
  The system itself: one directory with all of it, the script that activates
  it, the boot specification, and a manifest that answers questions about it
  later without evaluating anything.
*/
{
  config,
  lib,
  options,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.system;

  kernel = config.boot.kernelPackages.kernel or null;
  bootable = config.boot.enable && kernel != null;
  kernelPath = "${kernel}/${cfg.boot.loader.kernelFile}";
  initrdPath = "${cfg.build.initialRamdisk}/${cfg.boot.loader.initrdFile}";

  label = lib.concatStringsSep "-" (cfg.nixos.tags ++ [ cfg.nixos.label ]);

  # Version 1 of the boot specification, `@out@` standing for the system.
  bootSpec = {
    "org.nixos.bootspec.v1" = {
      system = pkgs.stdenv.hostPlatform.system;
      label = "${cfg.nixos.distroName} ${label}";
      toplevel = "@out@";
      init = "@out@/init";
    }
    // lib.optionalAttrs bootable {
      kernel = kernelPath;
      kernelParams = config.boot.kernelParams;
      initrd = initrdPath;
    };
    "org.nixos.specialisation.v1" = { };
  };

  # Which files and packages there are, for `diff` and for questions.
  manifest = {
    version = 1;
    name = cfg.name;
    inherit label;
    release = cfg.nixos.release;
    revision = cfg.configurationRevision;
    message = cfg.configurationMessage;
    options = cfg.build.setOptions;
    packages = map (p: {
      name = p.pname or (lib.getName p);
      version = p.version or (lib.getVersion p);
      path = "${p}";
    }) (lib.unique (lib.filter lib.isDerivation config.environment.systemPackages));
    units = builtins.attrNames config.systemd.units;
    etc = map (e: e.target) (lib.filter (e: e.enable) (builtins.attrValues config.environment.etc));
    users = builtins.attrNames config.users.users;
  };

  failed = map (a: a.message) (lib.filter (a: !a.assertion) config.assertions);

  checked =
    drv:
    if failed != [ ] then
      throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n" (m: "- ${m}") failed}"
    else
      lib.showWarnings config.warnings drv;

  specialisations = builtins.mapAttrs (
    _: s:
    s.configuration.system.build.toplevel
  ) config.specialisation;
in
{
  options.system = {
    name = mkOption {
      type = types.str;
      default = if config.networking.hostName == "" then "unnamed" else config.networking.hostName;
      defaultText = lib.literalExpression "config.networking.hostName";
      description = "The name of the system, in that of its derivation.";
    };
    build = mkOption {
      type = types.submoduleWith {
        modules = [ { freeformType = types.lazyAttrsOf (types.uniq types.unspecified); } ];
      };
      default = { };
      description = "What can be built of the system.";
    };
    extraDependencies = mkOption {
      type = types.listOf types.pathInStore;
      default = [ ];
      description = "Paths that are kept along with the system.";
    };
    extraSystemBuilderCmds = mkOption {
      type = types.lines;
      default = "";
      internal = true;
      description = "Commands that add to the system at `$out`.";
    };
    checks = mkOption {
      type = types.listOf types.package;
      default = [ ];
      description = "Packages that must build for the system to be built.";
    };
  };

  # Only what the configuration sets itself; the rest is the library's.
  config.system.build.setOptions = (import ../explain.nix { inherit lib options; }).set;

  config.system.build.toplevel = checked (
    pkgs.runCommandLocal "nixos-system-${cfg.name}-${label}" (
      {
        passAsFile = [
          "activationText"
          "dryActivationText"
          "bootSpec"
          "manifest"
          "bootLoader"
        ];
        inherit (cfg) activationText dryActivationText checks;
        bootSpec = builtins.toJSON bootSpec;
        manifest = builtins.toJSON manifest;
        bootLoader = builtins.toJSON cfg.build.bootLoaderConfig;
        inherit (cfg) extraDependencies;
        meta.description = "The system ${cfg.name}";
      }
    ) (''
      mkdir -p $out/bin $out/specialisation
      fill() { sed "s,@out@,$out,g" "$1"; }

      fill "$activationTextPath" > $out/activate
      fill "$dryActivationTextPath" > $out/dry-activate
      chmod +x $out/activate $out/dry-activate

      ln -s ${cfg.build.etc}/etc $out/etc
      ln -s ${cfg.path} $out/sw
      ${lib.optionalString (config.systemd.package != null) "ln -s ${config.systemd.package} $out/systemd"}
      ${lib.optionalString bootable ''
        ln -s ${kernelPath} $out/kernel
        ln -s ${initrdPath} $out/initrd
        [ ! -e ${kernel}/lib/modules ] || ln -s ${kernel} $out/kernel-modules
      ''}
      printf '%s' ${lib.escapeShellArg (lib.concatStringsSep " " config.boot.kernelParams)} > $out/kernel-params
      printf '%s' ${lib.escapeShellArg label} > $out/nixos-version
      # A switch to another kind of first process takes a reboot.
      echo "systemd 2" > $out/init-interface-version
      printf '%s' ${lib.escapeShellArg pkgs.stdenv.hostPlatform.system} > $out/system

      cat > $out/init <<SCRIPT
      #!${pkgs.runtimeShell}
      # The first process of the system: activates it and becomes the service manager.
      export PATH=${lib.makeBinPath [ pkgs.coreutils ]}
      $out/activate
      ln -sfn $out /run/booted-system
      exec $out/systemd/lib/systemd/systemd "\$@"
      SCRIPT
      chmod +x $out/init

      cat > $out/bin/switch-to-configuration <<SCRIPT
      #!${pkgs.runtimeShell}
      # The engine that switches is part of the tool; this finds it for others.
      export TOPLEVEL=$out
      exec firn system switch-to-configuration "\$@"
      SCRIPT
      chmod +x $out/bin/switch-to-configuration

      fill "$bootSpecPath" > $out/boot.json
      cp "$bootLoaderPath" $out/boot-loader.json
      fill "$manifestPath" > $out/manifest.json
    ''
    + lib.concatStrings (lib.mapAttrsToList (name: path: "ln -s ${path} $out/specialisation/${name}\n") specialisations)
    + cfg.extraSystemBuilderCmds)
  );
}
