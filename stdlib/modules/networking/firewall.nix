/**
  A firewall: what comes in is dropped unless it was asked for or its port is
  open. It is one table of nftables.
*/
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.networking.firewall;

  range = types.submodule {
    options = {
      from = mkOption {
        type = types.port;
        description = "The first port.";
      };
      to = mkOption {
        type = types.port;
        description = "The last port.";
      };
    };
  };

  portOptions = {
    allowedTCPPorts = mkOption {
      type = types.listOf types.port;
      default = [ ];
      apply = ports: lib.unique (lib.sort lib.lessThan ports);
      example = [
        22
        80
      ];
      description = "TCP ports that others may connect to.";
    };
    allowedTCPPortRanges = mkOption {
      type = types.listOf range;
      default = [ ];
      description = "Ranges of TCP ports that others may connect to.";
    };
    allowedUDPPorts = mkOption {
      type = types.listOf types.port;
      default = [ ];
      apply = ports: lib.unique (lib.sort lib.lessThan ports);
      description = "UDP ports that others may send to.";
    };
    allowedUDPPortRanges = mkOption {
      type = types.listOf range;
      default = [ ];
      description = "Ranges of UDP ports that others may send to.";
    };
  };

  portSet =
    ports: ranges:
    lib.concatStringsSep ", " (map toString ports ++ map (r: "${toString r.from}-${toString r.to}") ranges);

  # The rules that open the ports of one interface, or of all.
  openPorts =
    where: ports:
    lib.concatMapStrings
      (
        protocol:
        let
          set = portSet ports."allowed${lib.toUpper protocol}Ports" ports."allowed${lib.toUpper protocol}PortRanges";
        in
        lib.optionalString (set != "") "    ${where}${protocol} dport { ${set} } accept\n"
      )
      [
        "tcp"
        "udp"
      ];

  refuse = if cfg.rejectPackets then "reject with icmpx admin-prohibited" else "drop";
in
{
  options.networking.firewall =
    portOptions
    // {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Whether there is a firewall.";
      };
      allowPing = mkOption {
        type = types.bool;
        default = true;
        description = "Whether the machine answers echo requests.";
      };
      rejectPackets = mkOption {
        type = types.bool;
        default = false;
        description = "Whether senders are told that they are refused.";
      };
      logRefusedConnections = mkOption {
        type = types.bool;
        default = true;
        description = "Whether refused connections are logged.";
      };
      trustedInterfaces = mkOption {
        type = types.listOf types.str;
        default = [ ];
        description = "Interfaces from which everything is let in.";
      };
      interfaces = mkOption {
        type = types.attrsOf (types.submodule { options = portOptions; });
        default = { };
        description = "Ports that are open on one interface only.";
      };
      extraInputRules = mkOption {
        type = types.lines;
        default = "";
        example = "ip saddr 192.0.2.0/24 accept";
        description = "Further rules of nft for what comes in.";
      };
      checkReversePath = mkOption {
        type = types.either types.bool (types.enum [
          "strict"
          "loose"
        ]);
        default = false;
        description = "Whether packets must come by the way that answers would go.";
      };
    };

  config = lib.mkIf cfg.enable {
    networking.firewall.trustedInterfaces = [ "lo" ];
    networking.nftables.tables.firn-firewall = {
      family = "inet";
      content =
        lib.optionalString (cfg.checkReversePath != false) ''
          chain rpfilter {
            type filter hook prerouting priority mangle + 10; policy accept;
            fib saddr . mark ${lib.optionalString (cfg.checkReversePath != "loose") ". iif "}oif missing drop
          }
        ''
        + ''
          chain input {
            type filter hook input priority filter; policy drop;
            ct state established,related accept
            ct state invalid drop
            iifname { ${lib.concatMapStringsSep ", " (i: "\"${i}\"") cfg.trustedInterfaces} } accept
        ''
        + openPorts "" cfg
        + lib.concatStrings (lib.mapAttrsToList (name: openPorts "iifname \"${name}\" ") cfg.interfaces)
        + lib.optionalString cfg.allowPing ''
            icmp type echo-request accept
            icmpv6 type echo-request accept
        ''
        + ''
            icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert, mld-listener-query, nd-redirect } accept
            ip6 daddr fe80::/64 udp dport 546 accept
        ''
        + cfg.extraInputRules
        + lib.optionalString cfg.logRefusedConnections ''
            tcp flags & (fin | syn | rst | ack) == syn log level info prefix "refused connection: "
        ''
        + ''
            ${refuse}
          }
        '';
    };
  };
}
