/**
  Activation: the steps that make a running machine agree with a
  configuration, each a piece of shell with what must come before it.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;

  scriptType =
    withDry:
    types.either types.str (
      types.submodule {
        options = {
          text = mkOption {
            type = types.lines;
            description = "The commands.";
          };
          deps = mkOption {
            type = types.listOf types.str;
            default = [ ];
            description = "Steps that come before.";
          };
        }
        // lib.optionalAttrs withDry {
          supportsDryActivation = mkOption {
            type = types.bool;
            default = false;
            description = "Whether the step may run when nothing is to be changed; `$NIXOS_ACTION` is `dry-activate` then.";
          };
        };
      }
    );

  normalise = s: if builtins.isString s then lib.noDepEntry s else s;

  # Each step is guarded, so that one that fails does not keep the others from
  # running; the exit code tells.
  stepText = name: text: ''
    #### ${name}
    _step=${lib.escapeShellArg name}
    ${text}
    : "''${_step}"
  '';

  render =
    scripts:
    let
      steps = builtins.mapAttrs (_: normalise) scripts;
      named = builtins.mapAttrs (name: s: s // { text = stepText name s.text; }) steps;
    in
    ''
      #!${pkgs.runtimeShell}
      # Made from the configuration of the system.
      systemConfig='@out@'
      export PATH=/empty
      for tool in ${lib.concatMapStringsSep " " toString tools}; do PATH=$PATH:$tool/bin:$tool/sbin; done
      _status=0
      trap '_status=1; echo "activation step $_step failed ($?)" >&2' ERR
      umask 0022
      ${lib.textClosureMap lib.id named (builtins.attrNames named)}
      # What runs now, for garbage collection and for the next switch.
      if [ "''${NIXOS_ACTION-}" != dry-activate ]; then
        ln -sfn "$(readlink -f "$systemConfig")" ''${FIRN_RUN:-/run}/current-system
      fi
      exit $_status
    '';

  tools = [
    pkgs.bash
    pkgs.coreutils
    pkgs.findutils
    pkgs.gawk
    pkgs.gnugrep
    pkgs.gnused
  ];
in
{
  options.system = {
    activationScripts = mkOption {
      type = types.attrsOf (scriptType true);
      default = { };
      example = {
        stdio.text = "ln -sfn /proc/self/fd /dev/fd";
      };
      description = "Steps of activation by name.";
    };
    userActivationScripts = mkOption {
      type = types.attrsOf (scriptType false);
      default = { };
      description = "Steps that every user runs at login.";
    };
    activationText = mkOption {
      type = types.str;
      internal = true;
      readOnly = true;
      default = render config.system.activationScripts;
      description = "The whole script.";
    };
  };

  config.system.activationScripts = {
    stdio.text = "";
    specialfs.text = ''
      # Mounted by the initrd, or by a container's manager.
      mkdir -p ''${FIRN_RUN:-/run} /var /tmp 2>/dev/null || :
    '';
    var.text = ''
      mkdir -p /var/lib /var/log /var/empty /root 2>/dev/null || :
      chmod 0555 /var/empty 2>/dev/null || :
      chmod 0700 /root 2>/dev/null || :
    '';
  };
}
