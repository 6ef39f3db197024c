/**
  A test of systems: machines on one network, and steps that are done in order.
  `firn system test FILE` runs it, without privileges.

  A file is a function of `pkgs`, `lib`, `firn` (the tool itself, as a package)
  and `nodes` (the machines, evaluated) to

      {
        name = "…";
        # A module each.
        nodes.server = { services.nginx.enable = true; };
        # Further modules, for systems that a machine has in its store to be
        # switched to: `nodes.server.variants.next` is one.
        variants.server.next = { services.nginx.enable = lib.mkForce false; };
        steps = [
          { node = "server"; wait = "systemctl is-active nginx"; }
          { node = "client"; run = "…"; expect = "text in what it says"; timeout = 20; }
          { node = "client"; run = "…"; fails = true; }
          { node = "server"; reboot = true; }
          { node = "server"; crash = true; }
          { node = "server"; crashDuring = "…"; times = 50; within = 5000; check = "…"; }
        ];
      }

  The result is a file of data: for each machine what QEMU needs, and the steps.
*/
{
  pkgs,
  firn ? null,
  test,
}:
let
  inherit (pkgs) lib;

  file = if builtins.isFunction test then test else import test;
  declared = file { inherit pkgs lib firn nodes; };
  names = builtins.attrNames declared.nodes;
  addressOf = lib.listToAttrs (lib.imap1 (i: name: lib.nameValuePair name "192.168.1.${toString i}") names);

  common = name: {
    _file = ./default.nix;
    imports = [ ./node.nix ];
    networking.hostName = lib.mkDefault name;
    networking.hosts = lib.mapAttrs' (other: address: lib.nameValuePair address [ other ]) addressOf;
    system.stateVersion = lib.mkDefault lib.trivial.release;
    testing = {
      address = addressOf.${name};
      inherit firn;
    };
  };

  nodes = lib.mapAttrs (
    name: module:
    let
      base = pkgs.nixos [
        module
        (common name)
      ];
      variantsOf = lib.mapAttrs (
        _: more: (base.extendModules { modules = [ more ]; }).config.system.build.vmSystem
      ) (declared.variants.${name} or { });
    in
    {
      inherit (base) config options;
      toplevel = base.config.system.build.vmSystem;
      variants = variantsOf;
      spec = base.config.system.build.vmSpecWith (builtins.attrValues variantsOf);
    }
  ) declared.nodes;
  name = declared.name or "test";
in
pkgs.writeTextFile {
  name = "test-${name}.json";
  text = builtins.toJSON {
    inherit name;
    nodes = lib.mapAttrs (_: n: n.spec) nodes;
    inherit (declared) steps;
  };
  passthru = { inherit nodes; };
}
