/**
  Files of the home directory, each a link into the store.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;

  fileModule =
    prefix:
    { name, config, ... }:
    {
      options = {
        enable = mkOption {
          type = types.bool;
          default = true;
          description = "Whether the file is there.";
        };
        target = mkOption {
          type = types.str;
          default = prefix + name;
          defaultText = lib.literalMD "the attribute's name";
          description = "Its path below the home directory.";
        };
        text = mkOption {
          type = types.nullOr types.lines;
          default = null;
          description = "What it holds.";
        };
        source = mkOption {
          type = types.nullOr types.path;
          default = null;
          description = "The file or directory that it is a link to.";
        };
        executable = mkOption {
          type = types.bool;
          default = false;
          description = "Whether it can be run; for files that are given by their text.";
        };
      };
    };

  filesOption =
    prefix: description:
    mkOption {
      type = types.attrsOf (types.submodule (fileModule prefix));
      default = { };
      inherit description;
    };

  all = lib.filter (f: f.enable) (
    builtins.attrValues config.home.file ++ builtins.attrValues config.xdg.configFile ++ builtins.attrValues config.xdg.dataFile
  );

  sourceOf =
    f:
    if f.text == null then
      "${f.source}"
    else
      pkgs.writeTextFile {
        name = lib.strings.sanitizeDerivationName (baseNameOf f.target);
        inherit (f) text executable;
      };
in
{
  options = {
    home.file = filesOption "" "Files of the home directory.";
    xdg.configFile = filesOption ".config/" "Files of `~/.config`.";
    xdg.dataFile = filesOption ".local/share/" "Files of `~/.local/share`.";
    home.files = mkOption {
      type = types.package;
      readOnly = true;
      internal = true;
      description = "The directory of all files.";
    };
  };

  config = {
    assertions =
      map (f: {
        assertion = (f.text == null) != (f.source == null);
        message = "home.file.${lib.strings.escapeNixIdentifier f.target} needs either `text` or `source`.";
      }) all
      ++ map (f: {
        assertion = !(lib.hasPrefix "/" f.target) && !(builtins.elem ".." (lib.splitString "/" f.target));
        message = "home.file.${lib.strings.escapeNixIdentifier f.target} is not below the home directory.";
      }) all;

    home.files = pkgs.runCommandLocal "home-files" { } ''
      place() {
        if [ -e "$out/$2" ]; then
          echo "two files are to be ~/$2" >&2
          exit 1
        fi
        mkdir -p "$(dirname "$out/$2")"
        ln -s "$1" "$out/$2"
      }
      mkdir -p $out
      ${lib.concatMapStrings (f: "place ${sourceOf f} ${lib.escapeShellArg f.target}\n") all}
    '';
  };
}
