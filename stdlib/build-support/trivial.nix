/**
  Small builders: a command, a text file, a script, a folder of links. None of them needs a compiler.
*/
{ stdenvNoCC, bash }:

let
  inherit (builtins) attrNames concatStringsSep isAttrs listToAttrs toJSON;

  shell = "${bash}/bin/bash";

  # A word that the shell reads as exactly this text.
  quote = text: "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] (toString text)}'";

  # Where a file is to lie inside the output: the output itself, or a path below it.
  install = destination: ''
    target=$out${quote destination}
    mkdir -p "$(dirname "$target")"
  '';
in
rec {
  /**
    Runs a script whose task is to make `$out`.

    # Type
    `String -> AttrSet -> String -> derivation`

    # Example
    ```nix
    runCommand "greeting" { who = "world"; } ''echo "hello $who" > $out''
    ```
  */
  runCommand = name: env: script: runCommandWith { inherit name; derivationArgs = env; } script;

  /** Like `runCommand`, built here rather than on another machine: for steps cheaper than a transfer. */
  runCommandLocal = name: env: script: runCommandWith { inherit name; runLocal = true; derivationArgs = env; } script;

  /** `runCommand` with all that can be chosen. */
  runCommandWith =
    { name, stdenv ? stdenvNoCC, runLocal ? false, derivationArgs ? { } }:
    script:
    stdenv.mkDerivation (
      { inherit name; passAsFile = [ "buildCommand" ] ++ derivationArgs.passAsFile or [ ]; buildCommand = script; enableParallelBuilding = true; }
      // (if runLocal then { preferLocalBuild = true; allowSubstitutes = false; } else { })
      // removeAttrs derivationArgs [ "passAsFile" ]
    );

  /**
    A file with this text.

    # Type
    `{ name, text, executable ?, destination ?, checkPhase ?, meta ? } -> derivation`
  */
  writeTextFile =
    { name, text, executable ? false, destination ? "", checkPhase ? "", meta ? { }, passthru ? { }, derivationArgs ? { } }:
    runCommandLocal name ({ inherit text executable checkPhase meta passthru; passAsFile = [ "text" ]; } // derivationArgs) ''
      ${install destination}
      cp "$textPath" "$target"
      [ -z "$executable" ] || chmod +x "$target"
      eval "$checkPhase"
    '';

  /** A text file: `writeText "name" "text"`. */
  writeText = name: text: writeTextFile { inherit name text; };

  /** A text file in a folder: `writeTextDir "share/x" "text"`. */
  writeTextDir = path: text: writeTextFile { name = baseNameOf path; inherit text; destination = "/${path}"; };

  /** An executable file; the text brings its own first line. */
  writeScript = name: text: writeTextFile { inherit name text; executable = true; };

  /** Like `writeScript`, as `bin/NAME` of a folder. */
  writeScriptBin = name: text: writeTextFile { inherit name text; executable = true; destination = "/bin/${name}"; meta.mainProgram = name; };

  # A syntax error is found now, not when the script runs.
  checkSyntax = ''${shell} -n "$target"'';

  /** A bash script. */
  writeShellScript = name: text: writeTextFile { inherit name; text = "#!${shell}\n${text}"; executable = true; checkPhase = checkSyntax; };

  /** A bash script as `bin/NAME` of a folder. */
  writeShellScriptBin = name: text: writeTextFile {
    inherit name;
    text = "#!${shell}\n${text}\n";
    executable = true;
    destination = "/bin/${name}";
    checkPhase = checkSyntax;
    meta.mainProgram = name;
  };

  /**
    A bash program that stops at the first error and finds nothing but what it names.

    # Example
    ```nix
    writeShellApplication { name = "hi"; runtimeInputs = [ hello ]; text = "hello"; }
    ```
  */
  writeShellApplication =
    { name, text, runtimeInputs ? [ ], runtimeEnv ? { }, bashOptions ? [ "errexit" "nounset" "pipefail" ], inheritPath ? true, meta ? { }, checkPhase ? checkSyntax, passthru ? { } }:
    writeTextFile {
      inherit name checkPhase passthru;
      executable = true;
      destination = "/bin/${name}";
      meta = { mainProgram = name; } // meta;
      text = concatStringsSep "\n" (
        [ "#!${shell}" ]
        ++ map (option: "set -o ${option}") bashOptions
        ++ map (variable: "export ${variable}=${quote runtimeEnv.${variable}}") (attrNames runtimeEnv)
        ++ (if runtimeInputs == [ ] then [ ] else [ "export PATH=${concatStringsSep ":" (map (input: "${input.bin or input}/bin") runtimeInputs)}${if inheritPath then ":$PATH" else ""}" ])
        ++ [ "" text "" ]
      );
    };

  /** The given files, one after another. */
  concatText = name: files: runCommandLocal name { inherit files; } ''cat $files > $out'';

  /**
    One folder of links to everything below several folders; where two have the same file, the first wins.

    # Type
    `{ name, paths, postBuild ?, … } -> derivation`
  */
  symlinkJoin =
    { name, paths, postBuild ? "", preferLocalBuild ? true, allowSubstitutes ? false, ... }@args:
    runCommandWith { inherit name; runLocal = true; derivationArgs = removeAttrs args [ "name" "postBuild" "paths" ] // { inherit paths; }; } ''
      mkdir -p "$out"
      for path in $paths; do
        # Folders that only one of them has could be links; a tree of real folders is simpler to add to.
        (cd "$path" && find . -type d -exec mkdir -p "$out/{}" \;)
        (cd "$path" && find . ! -type d -print) | while IFS= read -r file; do
          [ -e "$out/$file" ] || [ -L "$out/$file" ] || ln -s "$path/''${file#./}" "$out/$file"
        done
      done
      ${postBuild}
    '';

  /**
    A folder of named links.

    # Example
    ```nix
    linkFarm "farm" { "bin/hi" = "''${hello}/bin/hello"; }
    ```
  */
  linkFarm = name: entries:
    let
      list = if isAttrs entries then map (entry: { name = entry; path = entries.${entry}; }) (attrNames entries) else entries;
    in
    runCommandLocal name { passthru.entries = listToAttrs (map (entry: { inherit (entry) name; value = entry.path; }) list); } ''
      mkdir -p "$out"
      cd "$out"
      ${concatStringsSep "\n" (map (entry: ''
        mkdir -p "$(dirname ${quote entry.name})"
        ln -s ${quote entry.path} ${quote entry.name}
      '') list)}
    '';

  /** A folder of links to packages, each under its own name. */
  linkFarmFromDrvs = name: drvs: linkFarm name (map (drv: { inherit (drv) name; path = drv; }) drvs);

  /**
    Several packages as one folder, as profiles are made: by the builder's own `buildenv`, which reports what collides.

    # Type
    `{ name, paths, ignoreCollisions ?, pathsToLink ? } -> derivation`
  */
  buildEnv =
    { name, paths, pathsToLink ? [ "/" ], ignoreCollisions ? false, postBuild ? "", meta ? { }, passthru ? { } }:
    symlinkJoin {
      inherit name meta passthru;
      paths = paths;
      postBuild = (if pathsToLink == [ "/" ] then "" else ''
        for entry in "$out"/*; do
          keep=
          for wanted in ${concatStringsSep " " (map quote pathsToLink)}; do
            case "/''${entry##*/}/" in "$wanted"/*) keep=1 ;; esac
          done
          [ -n "$keep" ] || rm -r "$entry"
        done
      '') + postBuild;
    };

  /** A value as a JSON file. */
  writeJSON = name: value: writeText name (toJSON value);
}
