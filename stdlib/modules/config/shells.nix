/**
  bash for everybody, and `/bin/sh`.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.programs.bash;
  env = config.environment;

  aliases = lib.concatStringsSep "\n" (
    lib.mapAttrsToList (name: value: "alias -- ${name}=${lib.escapeShellArg value}") (
      lib.filterAttrs (_: v: v != null) (env.shellAliases // cfg.shellAliases)
    )
  );
in
{
  options = {
    environment.binsh = mkOption {
      type = types.path;
      internal = true;
      default = "${pkgs.bash}/bin/sh";
      defaultText = lib.literalExpression ''"''${pkgs.bash}/bin/sh"'';
      description = "What `/bin/sh` is.";
    };
    programs.bash = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Whether bash is set up for all users.";
      };
      shellAliases = mkOption {
        type = types.attrsOf (types.nullOr (types.either types.str types.path));
        default = { };
        description = "Short commands of bash alone.";
      };
      promptInit = mkOption {
        type = types.lines;
        default = ''
          if [ "$TERM" != dumb ]; then
            PS1='\[\e[1;32m\][\u@\h:\w]\$\[\e[0m\] '
            [ "$UID" != 0 ] || PS1='\[\e[1;31m\][\u@\h:\w]\$\[\e[0m\] '
          fi
        '';
        description = "Code that sets the prompt.";
      };
      shellInit = mkOption {
        type = types.lines;
        default = "";
        description = "Code that every bash runs first.";
      };
      loginShellInit = mkOption {
        type = types.lines;
        default = "";
        description = "Code that login shells run.";
      };
      interactiveShellInit = mkOption {
        type = types.lines;
        default = "";
        description = "Code that interactive shells run.";
      };
    };
  };

  config = lib.mkIf cfg.enable {
    environment.systemPackages = [ pkgs.bash ];
    environment.shells = [
      "/run/current-system/sw/bin/bash"
      "/run/current-system/sw/bin/sh"
      "${pkgs.bash}/bin/bash"
    ];
    environment.etc = {
      shells.text = lib.concatLines (map toString env.shells) + "/bin/sh\n";
      profile.text = ''
        # Read by login shells. Made from the configuration of the system.
        if [ -z "''${__FIRN_SET_ENVIRONMENT_DONE-}" ]; then
          export __FIRN_SET_ENVIRONMENT_DONE=1
          . /etc/set-environment
        fi
        ${env.shellInit}
        ${env.loginShellInit}
        ${cfg.shellInit}
        ${cfg.loginShellInit}
        [ -z "''${BASH_VERSION-}" ] || [ -z "''${PS1-}" ] || . /etc/bashrc
        [ ! -e /etc/profile.local ] || . /etc/profile.local
      '';
      bashrc.text = ''
        # Read by interactive shells. Made from the configuration of the system.
        [ -z "''${__ETC_BASHRC_SOURCED-}" ] || return 0
        __ETC_BASHRC_SOURCED=1
        [ -n "''${__FIRN_SET_ENVIRONMENT_DONE-}" ] || . /etc/set-environment
        ${cfg.promptInit}
        ${aliases}
        ${env.interactiveShellInit}
        ${cfg.interactiveShellInit}
        [ ! -e /etc/bashrc.local ] || . /etc/bashrc.local
      '';
      inputrc.text = ''
        set bell-style none
        set completion-ignore-case on
        "\e[A": history-search-backward
        "\e[B": history-search-forward
      '';
    };
    users.defaultUserShell = lib.mkDefault "/run/current-system/sw/bin/bash";
    system.activationScripts.binsh.text = ''
      mkdir -p /bin
      ln -sfn ${env.binsh} /bin/.sh.tmp
      mv -Tf /bin/.sh.tmp /bin/sh
    '';
    system.activationScripts.usrbinenv.text = ''
      mkdir -p /usr/bin
      ln -sfn ${pkgs.coreutils}/bin/env /usr/bin/.env.tmp
      mv -Tf /usr/bin/.env.tmp /usr/bin/env
    '';
  };
}
