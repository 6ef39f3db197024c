let pkgs = { hello = 1; }; in pkgs.helo
