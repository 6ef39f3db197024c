/**
  Packet filter rules, loaded as one transaction.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.networking.nftables;

  tables = lib.filter (t: t.enable) (builtins.attrValues cfg.tables);
  ruleset = ''
    ${lib.optionalString cfg.flushRuleset "flush ruleset"}
    ${lib.concatMapStrings (t: ''
      table ${t.family} ${t.name} {}
      delete table ${t.family} ${t.name}
      table ${t.family} ${t.name} {
      ${t.content}
      }
    '') tables}
    ${cfg.ruleset}
  '';
in
{
  options.networking.nftables = {
    enable = mkOption {
      type = types.bool;
      default = config.networking.firewall.enable;
      defaultText = lib.literalExpression "config.networking.firewall.enable";
      description = "Whether packet filter rules are loaded.";
    };
    flushRuleset = mkOption {
      type = types.bool;
      default = false;
      description = "Whether rules of others are dropped first.";
    };
    ruleset = mkOption {
      type = types.lines;
      default = "";
      description = "Rules in the language of nft.";
    };
    tables = mkOption {
      default = { };
      description = "Tables of rules; each takes the place of the former one of its name.";
      type = types.attrsOf (
        types.submodule (
          { name, ... }:
          {
            options = {
              enable = mkOption {
                type = types.bool;
                default = true;
                description = "Whether the table is there.";
              };
              name = mkOption {
                type = types.str;
                default = name;
                description = "The table's name.";
              };
              family = mkOption {
                type = types.enum [
                  "ip"
                  "ip6"
                  "inet"
                  "arp"
                  "bridge"
                  "netdev"
                ];
                description = "Which packets it sees.";
              };
              content = mkOption {
                type = types.lines;
                description = "What is in the table.";
              };
            };
          }
        )
      );
    };
  };

  config = lib.mkIf cfg.enable {
    environment.systemPackages = [ pkgs.nftables ];
    environment.etc."nftables.conf".text = ruleset;
    systemd.services.nftables = {
      description = "Packet filter rules";
      wantedBy = [ "sysinit.target" ];
      before = [
        "network-pre.target"
        "shutdown.target"
      ];
      wants = [ "network-pre.target" ];
      conflicts = [ "shutdown.target" ];
      reloadIfChanged = true;
      reloadTriggers = [ ruleset ];
      unitConfig.DefaultDependencies = false;
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = "${pkgs.nftables}/bin/nft -f /etc/nftables.conf";
        ExecReload = "${pkgs.nftables}/bin/nft -f /etc/nftables.conf";
        ExecStop = "${pkgs.nftables}/bin/nft flush ruleset";
      };
    };
  };
}
