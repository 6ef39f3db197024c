/**
  How programs find out who somebody is: a stack of modules for each service.
*/
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.security.pam;
  modules = "${config.systemd.package}/lib/x86_64-linux-gnu/security";

  standard = s: ''
    account required ${modules}/pam_unix.so
    ${lib.optionalString s.rootOK "auth sufficient ${modules}/pam_rootok.so"}
    auth sufficient ${modules}/pam_unix.so ${lib.optionalString s.allowNullPassword "nullok "}try_first_pass
    auth required ${modules}/pam_deny.so
    password required ${modules}/pam_unix.so nullok yescrypt
    session required ${modules}/pam_unix.so
    session optional ${modules}/pam_env.so conffile=/dev/null readenv=0
    ${lib.optionalString s.setLoginUid "session optional ${modules}/pam_loginuid.so"}
  '';
in
{
  options.security.pam.services = mkOption {
    default = { };
    description = "Services that ask who somebody is, by name.";
    type = types.attrsOf (
      types.submodule (
        { name, config, ... }:
        {
          options = {
            name = mkOption {
              type = types.str;
              default = name;
              description = "The service's name.";
            };
            rootOK = mkOption {
              type = types.bool;
              default = false;
              description = "Whether root needs no password.";
            };
            allowNullPassword = mkOption {
              type = types.bool;
              default = false;
              description = "Whether an empty password lets somebody in.";
            };
            setLoginUid = mkOption {
              type = types.bool;
              default = false;
              description = "Whether the kernel remembers who logged in.";
            };
            text = mkOption {
              type = types.nullOr types.lines;
              default = null;
              description = "The whole stack, in the place of the usual one.";
            };
          };
        }
      )
    );
  };

  config = lib.mkIf (config.systemd.package != null) {
    security.pam.services = {
      login = {
        allowNullPassword = lib.mkDefault true;
        setLoginUid = true;
      };
      other = lib.mkDefault {
        text = ''
          auth required ${modules}/pam_deny.so
          account required ${modules}/pam_deny.so
          password required ${modules}/pam_deny.so
          session required ${modules}/pam_deny.so
        '';
      };
      passwd = { };
      chsh.rootOK = true;
      su.rootOK = true;
      sudo = { };
      sshd.setLoginUid = true;
      systemd-user.setLoginUid = true;
    };
    environment.etc = lib.mapAttrs' (
      _: s:
      lib.nameValuePair "pam.d/${s.name}" {
        text = if s.text != null then s.text else standard s;
      }
    ) cfg.services;
  };
}
