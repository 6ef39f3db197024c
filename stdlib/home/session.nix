/**
  What a user's shells know from the start: variables, and where programs are.
*/
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
in
{
  options.home = {
    sessionVariables = mkOption {
      type = types.attrsOf (types.oneOf [
        types.str
        types.path
        types.int
      ]);
      default = { };
      example = { EDITOR = "vim"; };
      description = "Variables of the user's sessions.";
    };
    sessionPath = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "$HOME/.local/bin" ];
      description = "Further directories to look for programs in.";
    };
    profileDirectory = mkOption {
      type = types.str;
      default = "\${XDG_STATE_HOME:-$HOME/.local/state}/nix/profiles/home";
      internal = true;
      description = "The profile that leads to the current environment.";
    };
  };

  config.xdg.configFile."firn/session.sh".text = ''
    # Read by shells at their start. Made from the configuration of the user's environment.
    if [ -z "''${FIRN_SESSION-}" ]; then
      export FIRN_SESSION=1
      export PATH="${
        lib.concatStringsSep ":" ([ "${config.home.profileDirectory}/home-path/bin" ] ++ config.home.sessionPath)
      }:$PATH"
    ${lib.concatStrings (
      lib.mapAttrsToList (name: value: "  export ${name}=${lib.escapeShellArg (toString value)}\n") config.home.sessionVariables
    )}fi
  '';
}
