/**
  Who may run what as somebody else, by sudo.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.security.sudo;
in
{
  options.security.sudo = {
    enable = mkOption {
      type = types.bool;
      default = pkgs ? sudo;
      defaultText = lib.literalMD "whether there is a package of it";
      description = "Whether there is sudo.";
    };
    wheelNeedsPassword = mkOption {
      type = types.bool;
      default = true;
      description = "Whether members of `wheel` give their password.";
    };
    execWheelOnly = mkOption {
      type = types.bool;
      default = false;
      description = "Whether only members of `wheel` can start it at all.";
    };
    extraConfig = mkOption {
      type = types.lines;
      default = "";
      description = "Lines of `/etc/sudoers`.";
    };
  };

  config = lib.mkIf cfg.enable {
    environment.systemPackages = [ pkgs.sudo ];
    environment.etc.sudoers = {
      mode = "0440";
      text = ''
        Defaults env_keep+=TERMINFO_DIRS
        root ALL=(ALL:ALL) SETENV: ALL
        %wheel ALL=(ALL:ALL) ${lib.optionalString (!cfg.wheelNeedsPassword) "NOPASSWD: "}SETENV: ALL
        ${cfg.extraConfig}
      '';
    };
    security.wrappers.sudo = {
      source = "${pkgs.sudo}/bin/sudo";
      owner = "root";
      group = if cfg.execWheelOnly then "wheel" else "root";
      setuid = true;
      permissions = if cfg.execWheelOnly then "u+rx,g+x" else "u+rx,g+x,o+x";
    };
  };
}
