/**
  A web server: nginx, with virtual hosts.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.nginx;

  text = description: mkOption {
    type = types.lines;
    default = "";
    inherit description;
  };
  maybe = type: description: mkOption {
    type = types.nullOr type;
    default = null;
    inherit description;
  };
  flag = default: description: mkOption {
    type = types.bool;
    inherit default description;
  };

  locationModule = {
    options = {
      root = maybe types.path "The directory that files come from.";
      alias = maybe types.path "The directory in the place of the location.";
      index = maybe types.str "The files that stand for a directory.";
      tryFiles = maybe types.str "What to try, in order.";
      return = maybe (types.either types.str types.int) "What to answer at once.";
      proxyPass = maybe types.str "The server that answers instead.";
      proxyWebsockets = flag false "Whether web sockets pass.";
      recommendedProxySettings = flag cfg.recommendedProxySettings "Whether the other server is told who asks.";
      basicAuth = mkOption {
        type = types.attrsOf types.str;
        default = { };
        description = "Users and passwords.";
      };
      basicAuthFile = maybe types.path "A file of users and passwords.";
      extraConfig = text "Further lines.";
      priority = mkOption {
        type = types.int;
        default = 1000;
        description = "Lower ones come first.";
      };
    };
  };

  hostModule =
    { name, ... }:
    {
      options = {
        serverName = mkOption {
          type = types.nullOr types.str;
          default = name;
          description = "The name of the host.";
        };
        serverAliases = mkOption {
          type = types.listOf types.str;
          default = [ ];
          description = "Other names of it.";
        };
        listen = mkOption {
          type = types.listOf (
            types.submodule {
              options = {
                addr = mkOption {
                  type = types.str;
                  description = "The address.";
                };
                port = mkOption {
                  type = types.nullOr types.port;
                  default = null;
                  description = "The port.";
                };
                ssl = flag false "Whether it is encrypted.";
                extraParameters = mkOption {
                  type = types.listOf types.str;
                  default = [ ];
                  description = "Further words.";
                };
              };
            }
          );
          default = [ ];
          description = "Where it listens; everywhere when there is nothing.";
        };
        default = flag false "Whether it answers for names that no other has.";
        addSSL = flag false "Whether it is there encrypted, too.";
        onlySSL = flag false "Whether it is there encrypted only.";
        forceSSL = flag false "Whether who comes without encryption is sent to it.";
        sslCertificate = maybe types.path "The certificate.";
        sslCertificateKey = maybe types.path "The certificate's key.";
        root = maybe types.path "The directory that files come from.";
        globalRedirect = maybe types.str "The host that everybody is sent to.";
        locations = mkOption {
          type = types.attrsOf (types.submodule locationModule);
          default = { };
          description = "What is where.";
        };
        extraConfig = text "Further lines.";
      };
    };

  line = name: v: lib.optionalString (v != null) "      ${name} ${toString v};\n";

  locationText =
    path: l:
    "    location ${path} {\n"
    + line "root" l.root
    + line "alias" l.alias
    + line "index" l.index
    + line "try_files" l.tryFiles
    + line "return" l.return
    + line "proxy_pass" l.proxyPass
    + lib.optionalString (l.proxyPass != null && l.proxyWebsockets) ''
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    ''
    + lib.optionalString (l.proxyPass != null && l.recommendedProxySettings) ''
      proxy_set_header Host $host;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    ''
    + lib.optionalString (l.basicAuthFile != null) ''
      auth_basic secured;
      auth_basic_user_file ${toString l.basicAuthFile};
    ''
    + l.extraConfig
    + "    }\n";

  serverText =
    h:
    let
      hasSSL = h.addSSL || h.onlySSL || h.forceSSL;
      everywhere = port: ssl: [
        {
          addr = "0.0.0.0";
          inherit port ssl;
          extraParameters = [ ];
        }
      ]
      ++ lib.optional config.networking.enableIPv6 {
        addr = "[::]";
        inherit port ssl;
        extraParameters = [ ];
      };
      plain = if h.onlySSL then [ ] else everywhere cfg.defaultHTTPListenPort false;
      encrypted = if hasSSL then everywhere cfg.defaultSSLListenPort true else [ ];
      listen = if h.listen != [ ] then h.listen else plain ++ encrypted;
      listenLine =
        l:
        "    listen ${l.addr}${lib.optionalString (l.port != null) ":${toString l.port}"}${lib.optionalString l.ssl " ssl"}${lib.optionalString h.default " default_server"}${
          lib.concatMapStrings (p: " ${p}") l.extraParameters
        };\n";
      names = lib.concatStringsSep " " ([ h.serverName ] ++ h.serverAliases);
      body =
        lib.optionalString (h.root != null) "    root ${toString h.root};\n"
        + lib.optionalString (h.globalRedirect != null) "    location / { return 301 $scheme://${h.globalRedirect}$request_uri; }\n"
        + lib.optionalString hasSSL ''
          ssl_certificate ${toString h.sslCertificate};
          ssl_certificate_key ${toString h.sslCertificateKey};
        ''
        + h.extraConfig
        + lib.concatStrings (
          map (l: locationText l.name l.value) (
            lib.sortOn (l: l.value.priority) (lib.attrsToList h.locations)
          )
        );
      server = listens: rest: "  server {\n${lib.concatMapStrings listenLine listens}    server_name ${names};\n${rest}  }\n";
    in
    if h.forceSSL then
      server (lib.filter (l: !l.ssl) listen) "    location / { return 301 https://$host$request_uri; }\n"
      + server (lib.filter (l: l.ssl) listen) body
    else
      server listen body;

  configuration =
    if cfg.config != "" then
      cfg.config
    else
      ''
        # Made from the configuration of the system.
        pid /run/nginx/nginx.pid;
        error_log ${cfg.logError};
        daemon off;
        ${cfg.appendConfig}
        events {
        ${cfg.eventsConfig}
        }
        http {
          include ${cfg.package}/conf/mime.types;
          default_type application/octet-stream;
          access_log /var/log/nginx/access.log;
          server_tokens ${if cfg.serverTokens then "on" else "off"};
          client_max_body_size ${cfg.clientMaxBodySize};
        ${lib.optionalString cfg.recommendedOptimisation ''
          sendfile on;
          tcp_nopush on;
          tcp_nodelay on;
          keepalive_timeout 65;
        ''}${lib.optionalString cfg.recommendedGzipSettings ''
          gzip on;
          gzip_static on;
          gzip_vary on;
          gzip_comp_level 5;
          gzip_min_length 256;
          gzip_proxied expired no-cache no-store private auth;
          gzip_types text/css text/plain text/xml application/javascript application/json application/xml image/svg+xml;
        ''}${lib.optionalString cfg.recommendedTlsSettings ''
          ssl_session_timeout 1d;
          ssl_session_cache shared:SSL:10m;
          ssl_prefer_server_ciphers off;
        ''}  map $http_upgrade $connection_upgrade {
            default upgrade;
            ''' close;
          }
          ssl_protocols ${cfg.sslProtocols};
        ${cfg.commonHttpConfig}
        ${lib.concatMapStrings serverText (builtins.attrValues cfg.virtualHosts)}
        ${lib.concatStrings (
          lib.mapAttrsToList (
            name: u:
            "  upstream ${name} {\n${lib.concatStrings (lib.mapAttrsToList (s: _: "    server ${s};\n") u.servers)}${u.extraConfig}  }\n"
          ) cfg.upstreams
        )}
        ${cfg.appendHttpConfig}
        }
      '';

  file = pkgs.writeText "nginx.conf" configuration;
in
{
  options.services.nginx = {
    enable = lib.mkEnableOption "the nginx web server";
    package = mkOption {
      type = types.package;
      default = pkgs.nginx;
      defaultText = lib.literalExpression "pkgs.nginx";
      description = "The package of nginx.";
    };
    user = mkOption {
      type = types.str;
      default = "nginx";
      description = "The user it runs as.";
    };
    group = mkOption {
      type = types.str;
      default = "nginx";
      description = "The group it runs in.";
    };
    virtualHosts = mkOption {
      type = types.attrsOf (types.submodule hostModule);
      default = {
        localhost = { };
      };
      example = {
        "example.org".root = "/var/www";
      };
      description = "Hosts by name.";
    };
    upstreams = mkOption {
      default = { };
      description = "Groups of servers to pass requests to.";
      type = types.attrsOf (
        types.submodule {
          options = {
            servers = mkOption {
              type = types.attrsOf types.attrs;
              default = { };
              description = "The servers by address.";
            };
            extraConfig = text "Further lines.";
          };
        }
      );
    };
    defaultHTTPListenPort = mkOption {
      type = types.port;
      default = 80;
      description = "The port without encryption.";
    };
    defaultSSLListenPort = mkOption {
      type = types.port;
      default = 443;
      description = "The port with encryption.";
    };
    recommendedProxySettings = flag false "Whether servers behind this one are told who asks.";
    recommendedOptimisation = flag false "Whether common settings for speed are used.";
    recommendedGzipSettings = flag false "Whether answers are compressed.";
    recommendedTlsSettings = flag false "Whether common settings for encryption are used.";
    serverTokens = flag false "Whether the version is told.";
    clientMaxBodySize = mkOption {
      type = types.str;
      default = "10m";
      description = "The largest request.";
    };
    sslProtocols = mkOption {
      type = types.str;
      default = "TLSv1.2 TLSv1.3";
      description = "The protocols of encryption.";
    };
    logError = mkOption {
      type = types.str;
      default = "stderr";
      description = "Where errors are logged.";
    };
    enableReload = flag false "Whether a change reloads it rather than restarting it.";
    config = text "The whole configuration, in the place of everything else.";
    appendConfig = text "Lines outside of `http`.";
    eventsConfig = text "Lines of `events`.";
    commonHttpConfig = text "Lines of `http` before the hosts.";
    appendHttpConfig = text "Lines of `http` after the hosts.";
  };

  config = lib.mkIf cfg.enable {
    assertions = lib.concatLists (
      lib.mapAttrsToList (name: h: [
        {
          assertion = lib.count lib.id [ h.addSSL h.onlySSL h.forceSSL ] <= 1;
          message = "services.nginx.virtualHosts.${name}: only one of addSSL, onlySSL and forceSSL can be set.";
        }
        {
          assertion = !(h.addSSL || h.onlySSL || h.forceSSL) || (h.sslCertificate != null && h.sslCertificateKey != null);
          message = "services.nginx.virtualHosts.${name} is to be encrypted and needs sslCertificate and sslCertificateKey.";
        }
        {
          assertion = lib.all (l: !(l.root != null && l.alias != null)) (builtins.attrValues h.locations);
          message = "services.nginx.virtualHosts.${name}: a location can have a root or an alias, not both.";
        }
      ]) cfg.virtualHosts
    );

    users.users = lib.mkIf (cfg.user == "nginx") {
      nginx = {
        uid = config.ids.uids.nginx;
        isSystemUser = true;
        inherit (cfg) group;
      };
    };
    users.groups = lib.mkIf (cfg.group == "nginx") { nginx.gid = config.ids.gids.nginx; };

    environment.etc."nginx/nginx.conf" = lib.mkIf cfg.enableReload { source = file; };

    systemd.services.nginx = {
      description = "Nginx Web Server";
      wantedBy = [ "multi-user.target" ];
      after = [ "network.target" ];
      stopIfChanged = false;
      reloadTriggers = lib.optional cfg.enableReload file;
      serviceConfig = {
        ExecStartPre = "${cfg.package}/bin/nginx -t -c ${if cfg.enableReload then "/etc/nginx/nginx.conf" else file}";
        ExecStart = "${cfg.package}/bin/nginx -c ${if cfg.enableReload then "/etc/nginx/nginx.conf" else file}";
        ExecReload = "${pkgs.coreutils}/bin/kill -HUP $MAINPID";
        Restart = "always";
        RestartSec = "10s";
        User = cfg.user;
        Group = cfg.group;
        RuntimeDirectory = "nginx";
        RuntimeDirectoryMode = "0750";
        CacheDirectory = "nginx";
        CacheDirectoryMode = "0750";
        LogsDirectory = "nginx";
        LogsDirectoryMode = "0750";
        AmbientCapabilities = [ "CAP_NET_BIND_SERVICE" ];
        CapabilityBoundingSet = [ "CAP_NET_BIND_SERVICE" ];
        NoNewPrivileges = true;
        ProtectSystem = "strict";
        ProtectHome = lib.mkDefault true;
        PrivateTmp = true;
      };
    };
  };
}
