/**
  The machine's name, and names of others that it knows itself.
*/
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.networking;

  own = lib.unique (lib.optional (cfg.fqdnOrHostName != "") cfg.fqdnOrHostName ++ lib.optional (cfg.hostName != "") cfg.hostName);
in
{
  options.networking = {
    hostName = mkOption {
      type = types.strMatching "^$|^[[:alnum:]]([[:alnum:]_-]{0,61}[[:alnum:]])?$";
      default = "firn";
      description = "The machine's name, without its domain; empty to take it from the network.";
    };
    domain = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "example.org";
      description = "The machine's domain.";
    };
    fqdn = mkOption {
      type = types.str;
      default =
        if cfg.hostName != "" && cfg.domain != null then
          "${cfg.hostName}.${cfg.domain}"
        else
          throw "networking.fqdn needs both networking.hostName and networking.domain.";
      defaultText = lib.literalExpression ''"''${networking.hostName}.''${networking.domain}"'';
      description = "The machine's full name.";
    };
    fqdnOrHostName = mkOption {
      type = types.str;
      readOnly = true;
      default = if cfg.domain == null then cfg.hostName else cfg.fqdn;
      defaultText = lib.literalMD "the full name where there is a domain, the name otherwise";
      description = "The fullest name the machine has.";
    };
    hostId = mkOption {
      type = types.nullOr (types.strMatching "[0-9a-fA-F]{8}");
      default = null;
      description = "A number for the machine, in hexadecimal digits.";
    };
    hosts = mkOption {
      type = types.attrsOf (types.listOf types.str);
      default = { };
      example = { "192.0.2.1" = [ "router" ]; };
      description = "Names by address, for `/etc/hosts`.";
    };
    extraHosts = mkOption {
      type = types.lines;
      default = "";
      description = "Lines to add to `/etc/hosts`.";
    };
    enableIPv6 = mkOption {
      type = types.bool;
      default = true;
      description = "Whether the machine uses IPv6.";
    };
    nameservers = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Addresses of name servers.";
    };
    search = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Domains to look for short names in.";
    };
    timeServers = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Servers to set the clock by.";
    };
    proxy.default = mkOption {
      type = types.nullOr types.str;
      default = null;
      description = "The proxy for everything.";
    };
  };

  config = {
    networking.hosts = {
      "127.0.0.1" = lib.mkBefore ([ "localhost" ]);
      "127.0.0.2" = own;
      "::1" = lib.mkIf cfg.enableIPv6 (lib.mkBefore ([ "localhost" ] ++ own));
    };
    environment.etc = {
      hosts.text =
        lib.concatStrings (
          lib.mapAttrsToList (address: names: lib.optionalString (names != [ ]) "${address} ${lib.concatStringsSep " " names}\n") cfg.hosts
        )
        + cfg.extraHosts;
      hostname = lib.mkIf (cfg.hostName != "") { text = cfg.hostName + "\n"; };
      "host.conf".text = "multi on\n";
      "nsswitch.conf".text = ''
        passwd:    files
        group:     files
        shadow:    files
        hosts:     files dns
        networks:  files
        services:  files
        protocols: files
      '';
      "resolv.conf" = lib.mkIf (cfg.nameservers != [ ] || cfg.search != [ ]) {
        text =
          lib.optionalString (cfg.search != [ ]) "search ${lib.concatStringsSep " " cfg.search}\n"
          + lib.concatMapStrings (server: "nameserver ${server}\n") cfg.nameservers
          + "options edns0\n";
      };
    };
    environment.sessionVariables = lib.mkIf (cfg.proxy.default != null) {
      http_proxy = cfg.proxy.default;
      https_proxy = cfg.proxy.default;
    };
    boot.kernel.sysctl."net.ipv6.conf.all.disable_ipv6" = lib.mkIf (!cfg.enableIPv6) true;
    system.activationScripts.hostname = lib.mkIf (cfg.hostName != "") {
      text = ''
        # The name of the machine.
        [ ! -w /proc/sys/kernel/hostname ] || echo ${lib.escapeShellArg cfg.hostName} > /proc/sys/kernel/hostname
      '';
      deps = [ ];
    };
  };
}
