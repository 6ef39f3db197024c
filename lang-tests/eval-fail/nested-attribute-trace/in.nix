let cfg = { services.web.port = 80 + "x"; }; in { inherit (cfg.services.web) port; }
