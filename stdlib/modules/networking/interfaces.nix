/**
  Network interfaces: fixed addresses, or DHCP, set up by systemd-networkd.
*/
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.networking;

  addressModule = version: {
    options = {
      address = mkOption {
        type = types.str;
        description = "The address.";
      };
      prefixLength = mkOption {
        type = types.ints.between 0 (if version == 4 then 32 else 128);
        description = "How many bits of it name the network.";
      };
    };
  };

  routeModule = {
    options = {
      address = mkOption {
        type = types.str;
        description = "The network.";
      };
      prefixLength = mkOption {
        type = types.int;
        description = "How many bits name the network.";
      };
      via = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "The router to it.";
      };
    };
  };

  interfaceModule =
    { name, ... }:
    {
      options = {
        name = mkOption {
          type = types.str;
          default = name;
          description = "The interface's name.";
        };
        useDHCP = mkOption {
          type = types.nullOr types.bool;
          default = null;
          description = "Whether the interface asks for its addresses; `null` as `networking.useDHCP` says.";
        };
        macAddress = mkOption {
          type = types.nullOr types.str;
          default = null;
          description = "The hardware address to use.";
        };
        mtu = mkOption {
          type = types.nullOr types.int;
          default = null;
          description = "The largest packet.";
        };
        ipv4.addresses = mkOption {
          type = types.listOf (types.submodule (addressModule 4));
          default = [ ];
          example = [
            {
              address = "192.0.2.10";
              prefixLength = 24;
            }
          ];
          description = "The IPv4 addresses.";
        };
        ipv6.addresses = mkOption {
          type = types.listOf (types.submodule (addressModule 6));
          default = [ ];
          description = "The IPv6 addresses.";
        };
        ipv4.routes = mkOption {
          type = types.listOf (types.submodule routeModule);
          default = [ ];
          description = "The IPv4 routes.";
        };
        ipv6.routes = mkOption {
          type = types.listOf (types.submodule routeModule);
          default = [ ];
          description = "The IPv6 routes.";
        };
      };
    };

  gateway = types.nullOr (
    types.coercedTo types.str (address: { inherit address; }) (
      types.submodule {
        options = {
          address = mkOption {
            type = types.str;
            description = "The router's address.";
          };
          interface = mkOption {
            type = types.nullOr types.str;
            default = null;
            description = "The interface that it is reached by.";
          };
        };
      }
    )
  );

  gateways = lib.filter (g: g != null) [
    cfg.defaultGateway
    cfg.defaultGateway6
  ];

  networkFile =
    i:
    let
      fixed = i.ipv4.addresses ++ i.ipv6.addresses;
      dhcp = if i.useDHCP != null then i.useDHCP else cfg.useDHCP && fixed == [ ];
      routes = i.ipv4.routes ++ i.ipv6.routes;
    in
    ''
      [Match]
      Name=${i.name}

      [Network]
      DHCP=${lib.boolToYesNo dhcp}
      ${lib.concatMapStrings (a: "Address=${a.address}/${toString a.prefixLength}\n") fixed}${
        lib.concatMapStrings (g: lib.optionalString (g.interface == null || g.interface == i.name) "Gateway=${g.address}\n") (
          lib.optionals (fixed != [ ]) gateways
        )
      }${lib.concatMapStrings (s: "DNS=${s}\n") cfg.nameservers}
      ${lib.optionalString (i.mtu != null || i.macAddress != null) ''
        [Link]
        ${lib.optionalString (i.mtu != null) "MTUBytes=${toString i.mtu}"}
        ${lib.optionalString (i.macAddress != null) "MACAddress=${i.macAddress}"}
      ''}${lib.concatMapStrings (r: ''

        [Route]
        Destination=${r.address}/${toString r.prefixLength}
        ${lib.optionalString (r.via != null) "Gateway=${r.via}"}
      '') routes}'';
in
{
  options.networking = {
    useDHCP = mkOption {
      type = types.bool;
      default = true;
      description = "Whether interfaces ask for addresses when they have none of their own.";
    };
    useNetworkd = mkOption {
      type = types.bool;
      default = true;
      description = "Whether systemd-networkd sets interfaces up; there is no other way here.";
    };
    interfaces = mkOption {
      type = types.attrsOf (types.submodule interfaceModule);
      default = { };
      description = "The interfaces that differ from the rest.";
    };
    defaultGateway = mkOption {
      type = gateway;
      default = null;
      example = "192.0.2.1";
      description = "The router to everywhere.";
    };
    defaultGateway6 = mkOption {
      type = gateway;
      default = null;
      description = "The router to everywhere by IPv6.";
    };
  };

  config = {
    environment.etc =
      lib.mapAttrs' (
        name: i: lib.nameValuePair "systemd/network/40-${name}.network" { text = networkFile i; }
      ) cfg.interfaces
      // lib.optionalAttrs cfg.useDHCP {
        "systemd/network/99-default.network".text = ''
          [Match]
          Name=en* eth*

          [Network]
          DHCP=yes
          IPv6PrivacyExtensions=kernel
        '';
      };
    users.users.systemd-network = {
      uid = config.ids.uids.systemd-network;
      group = "systemd-network";
      isSystemUser = true;
    };
    users.groups.systemd-network.gid = config.ids.gids.systemd-network;
    systemd.services.systemd-networkd = {
      wantedBy = [ "multi-user.target" ];
      aliases = [ "dbus-org.freedesktop.network1.service" ];
      overrideStrategy = "asDropin";
      restartIfChanged = true;
      stopIfChanged = false;
      restartTriggers = map (n: config.environment.etc.${n}.text) (
        lib.filter (lib.hasPrefix "systemd/network/") (builtins.attrNames config.environment.etc)
      );
    };
  };
}
