/**
  A development shell: the inputs of several packages at hand, and a hook. Its build lists what a shell would have, so that
  it can be kept like any other package.

  `services` names programs that run while someone works in the shell (`shell-services/`).

  # Type
  `{ packages ?, inputsFrom ?, shellHook ?, services ?, … } -> derivation`

  # Example
  ```nix
  mkShell { packages = [ lua5_4 sqlite ]; shellHook = "echo ready"; services.redis.enable = true; }
  ```
*/
{
  lib,
  pkgs,
  stdenv,
}:

{
  name ? "nix-shell",
  packages ? [ ],
  inputsFrom ? [ ],
  buildInputs ? [ ],
  nativeBuildInputs ? [ ],
  propagatedBuildInputs ? [ ],
  propagatedNativeBuildInputs ? [ ],
  shellHook ? "",
  services ? { },
  ...
}@args:

let
  inherit (builtins) concatLists concatStringsSep elem filter removeAttrs;

  # What a package needs to be built, without the packages that are worked on themselves.
  inputs = field: filter (input: !elem input inputsFrom) (concatLists (map (package: package.drvAttrs.${field} or [ ]) inputsFrom));
  rest = removeAttrs args [ "name" "packages" "inputsFrom" "buildInputs" "nativeBuildInputs" "propagatedBuildInputs" "propagatedNativeBuildInputs" "shellHook" "services" ];
  running = if services == { } then null else import ./shell-services { inherit lib pkgs; } services;
in
stdenv.mkDerivation (
  {
    inherit name;
    buildInputs = inputs "buildInputs" ++ buildInputs;
    nativeBuildInputs = packages ++ (if running == null then [ ] else running.packages) ++ inputs "nativeBuildInputs" ++ nativeBuildInputs;
    propagatedBuildInputs = inputs "propagatedBuildInputs" ++ propagatedBuildInputs;
    propagatedNativeBuildInputs = inputs "propagatedNativeBuildInputs" ++ propagatedNativeBuildInputs;
    shellHook = concatStringsSep "\n" (filter (hook: hook != "") (map (package: package.drvAttrs.shellHook or "") inputsFrom ++ [ shellHook ]));
    phases = [ "buildPhase" ];
    buildPhase = ''
      { echo "# What this shell would have:"; export; } > "$out"
    '';
    preferLocalBuild = true;
  }
  // (if running == null then { } else { FIRN_SERVICES = running.text; })
  // rest
)
