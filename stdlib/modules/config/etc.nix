/**
  Files in `/etc`. All of them are one derivation; activation links them into
  place, or copies those that have an owner or mode of their own.
*/
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;

  entries = lib.filter (e: e.enable) (builtins.attrValues config.environment.etc);

  # Texts travel as files of the one derivation, by number.
  texts = lib.filter (e: e.text != null) entries;
  variableOf = i: "text${toString i}";

  place =
    entry: source:
    let
      target = lib.escapeShellArg entry.target;
    in
    ''
      place ${source} ${target}
    ''
    + lib.optionalString (entry.mode != "symlink") ''
      printf '%s\n' ${lib.escapeShellArg entry.mode} > "$out/etc/"${target}.mode
      printf '%s\n' ${lib.escapeShellArg (if entry.uid == null then entry.user else toString entry.uid)} > "$out/etc/"${target}.uid
      printf '%s\n' ${lib.escapeShellArg (if entry.gid == null then entry.group else toString entry.gid)} > "$out/etc/"${target}.gid
    '';
in
{
  options.environment.etc = mkOption {
    default = { };
    example = {
      "example.conf".text = "hello";
    };
    description = "Files to be in `/etc`, by their path from there.";
    type = types.attrsOf (
      types.submodule (
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
              default = name;
              defaultText = lib.literalMD "the attribute's name";
              description = "The path below `/etc`.";
            };
            text = mkOption {
              type = types.nullOr types.lines;
              default = null;
              description = "What the file holds.";
            };
            source = mkOption {
              type = types.nullOr types.path;
              default = null;
              description = "The file or directory that it is a link to.";
            };
            mode = mkOption {
              type = types.str;
              default = "symlink";
              example = "0600";
              description = "The file's mode, for which it is copied; or `symlink` or `direct-symlink`.";
            };
            user = mkOption {
              type = types.str;
              default = "+0";
              description = "The owner of a copied file.";
            };
            group = mkOption {
              type = types.str;
              default = "+0";
              description = "The group of a copied file.";
            };
            uid = mkOption {
              type = types.nullOr types.int;
              default = null;
              description = "The owner's number.";
            };
            gid = mkOption {
              type = types.nullOr types.int;
              default = null;
              description = "The group's number.";
            };
          };
        }
      )
    );
  };

  config = {
    assertions = map (e: {
      assertion = (e.text == null) != (e.source == null);
      message = "environment.etc.${lib.strings.escapeNixIdentifier e.target} needs either `text` or `source`.";
    }) entries;

    system.build.etc = pkgs.runCommandLocal "etc" (
      {
        passAsFile = lib.imap0 (i: _: variableOf i) texts;
      }
      // builtins.listToAttrs (lib.imap0 (i: e: lib.nameValuePair (variableOf i) e.text) texts)
    ) ''
      place() {
        if [ -e "$out/etc/$2" ]; then
          echo "two files are to be /etc/$2" >&2
          exit 1
        fi
        mkdir -p "$(dirname "$out/etc/$2")"
        if [ -n "$copy" ]; then cp "$1" "$out/etc/$2"; else ln -s "$1" "$out/etc/$2"; fi
      }
      mkdir -p $out/etc
      copy=1
      ${lib.concatStrings (lib.imap0 (i: e: place e "\"\$${variableOf i}Path\"") texts)}
      copy=
      ${lib.concatMapStrings (e: place e (lib.escapeShellArg "${e.source}")) (
        lib.filter (e: e.text == null) entries
      )}
    '';

    system.activationScripts.etc = {
      text = ''
        # Linking the files of /etc.
        ${pkgs.runtimeShell} ${./etc-activate.sh} ${config.system.build.etc}/etc
      '';
      deps = [ "users" ];
    };
  };
}
