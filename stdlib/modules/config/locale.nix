/**
  Time zone, language and keyboard.
*/
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;

  asked = { LANG = config.i18n.defaultLocale; } // config.i18n.extraLocaleSettings;
  # A locale that is not there ends interactive shells where they begin: nobody could log in any more.
  isThere = name: !(pkgs ? bootstrap.locales) || builtins.elem name [ "C" "POSIX" "C.UTF-8" "C.utf8" ];
  missing = lib.unique (lib.filter (name: !isThere name) (builtins.attrValues asked));
  given = builtins.mapAttrs (_: name: if isThere name then name else "C.UTF-8") asked;
in
{
  options = {
    time = {
      timeZone = mkOption {
        type = types.nullOr (types.strMatching "[^ ]+");
        default = null;
        example = "Europe/Berlin";
        description = "The time zone; `null` leaves it to the machine.";
      };
      hardwareClockInLocalTime = mkOption {
        type = types.bool;
        default = false;
        description = "Whether the clock of the hardware runs in local time.";
      };
    };
    i18n = {
      defaultLocale = mkOption {
        type = types.str;
        default = "C.UTF-8";
        example = "de_DE.UTF-8";
        description = "The language and conventions of programs.";
      };
      extraLocaleSettings = mkOption {
        type = types.attrsOf types.str;
        default = { };
        example = { LC_TIME = "de_DE.UTF-8"; };
        description = "Conventions that differ from the language.";
      };
    };
    console = {
      keyMap = mkOption {
        type = types.either types.str types.path;
        default = "us";
        description = "The keyboard of the console.";
      };
      font = mkOption {
        type = types.nullOr (types.either types.str types.path);
        default = null;
        description = "The font of the console.";
      };
    };
  };

  config = {
    warnings = map (name: "the locale '${name}' is not in this package set; C.UTF-8 takes its place") missing;
    environment.sessionVariables = {
      TZDIR = lib.mkIf (pkgs ? tzdata) "/etc/zoneinfo";
    }
    // given;
    # Where the C library looks by itself: services and logins have it without a variable.
    system.activationScripts.locales = lib.mkIf (pkgs ? bootstrap.locales) {
      text = ''
        mkdir -p /usr/lib
        ln -sfn ${pkgs.bootstrap.locales}/lib/locale /usr/lib/.locale.tmp
        mv -Tf /usr/lib/.locale.tmp /usr/lib/locale
      '';
    };
    environment.etc = {
      "locale.conf".text = lib.concatStrings (lib.mapAttrsToList (n: v: "${n}=${v}\n") given);
      "vconsole.conf".text = ''
        KEYMAP=${config.console.keyMap}
        ${lib.optionalString (config.console.font != null) "FONT=${config.console.font}"}
      '';
      zoneinfo = lib.mkIf (pkgs ? tzdata) { source = "${pkgs.tzdata or ""}/share/zoneinfo"; };
      localtime = lib.mkIf (config.time.timeZone != null) {
        source = "/etc/zoneinfo/${toString config.time.timeZone}";
        mode = "direct-symlink";
      };
    };
  };
}
