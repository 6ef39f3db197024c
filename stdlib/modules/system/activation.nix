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

  # The steps in order, with what they need. A rehearsal has only those that
  # say they change nothing then, and leaves the running system what it is.
  render =
    {
      scripts,
      dry,
    }:
    let
      all = builtins.mapAttrs (_: normalise) scripts;
      steps = builtins.mapAttrs (
        _: s: if dry && !(s.supportsDryActivation or false) then s // { text = ":"; } else s
      ) all;
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
      ${lib.optionalString (!dry) ''
        # What runs now, for garbage collection and for the next switch.
        ln -sfn "$(readlink -f "$systemConfig")" ''${FIRN_RUN:-/run}/current-system
      ''}
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
      default = render {
        scripts = config.system.activationScripts;
        dry = false;
      };
      description = "The whole script.";
    };
    dryActivationText = mkOption {
      type = types.str;
      internal = true;
      readOnly = true;
      default = render {
        scripts = config.system.activationScripts;
        dry = true;
      };
      description = "The script of a rehearsal.";
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
