/**
  Which release a system is of, and which one it was first installed with.
*/
{ config, lib, options, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.system.nixos;
in
{
  options.system = {
    stateVersion = mkOption {
      type = types.strMatching "[0-9]{2}\\.[0-9]{2}";
      default = lib.trivial.release;
      description = ''
        The release that this machine was first installed with. Services keep
        the defaults of that release for what they have on disk, so leave it
        as it is when you upgrade.
      '';
    };
    nixos = {
      release = mkOption {
        type = types.str;
        readOnly = true;
        default = lib.trivial.release;
        description = "The release that the option names follow.";
      };
      version = mkOption {
        type = types.str;
        default = lib.trivial.version;
        description = "The version that the system shows.";
      };
      label = mkOption {
        type = types.strMatching "[a-zA-Z0-9:_.-]*";
        default = cfg.version;
        defaultText = lib.literalExpression "config.system.nixos.version";
        description = "How boot menus call this configuration.";
      };
      tags = mkOption {
        type = types.listOf types.str;
        default = [ ];
        description = "Words to put in front of the label.";
      };
      distroId = mkOption {
        type = types.str;
        internal = true;
        default = "firn";
        description = "The identifier of the distribution.";
      };
      distroName = mkOption {
        type = types.str;
        internal = true;
        default = "Firn";
        description = "The name of the distribution.";
      };
    };
    configurationMessage = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "Open the firewall for the web server";
      description = "What is new in this configuration, for the list of generations.";
    };
    configurationRevision = mkOption {
      type = types.nullOr types.str;
      default = null;
      description = "The revision of the source tree that the system is made from.";
    };
  };

  config = {
    warnings = lib.optional (!options.system.stateVersion.isDefined || options.system.stateVersion.highestPrio == 1500) "system.stateVersion is not set; it is taken to be ${lib.trivial.release}. Set it to the release this machine was installed with.";

    environment.etc."os-release".text = ''
      ID=${cfg.distroId}
      NAME="${cfg.distroName}"
      PRETTY_NAME="${cfg.distroName} ${cfg.version}"
      VERSION="${cfg.version}"
      VERSION_ID="${cfg.release}"
      BUILD_ID="${cfg.version}"
    '';
  };
}
