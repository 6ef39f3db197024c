{ derivations, manifest }:

derivation {
  name = "user-environment";
  system = "builtin";
  builder = "builtin:buildenv";
  inherit manifest;

  # One package after the other: whether it is active, its priority, how many paths it has, and these.
  derivations = builtins.map (
    package:
    [
      (package.meta.active or "true")
      (package.meta.priority or 5)
      (builtins.length package.outputs)
    ]
    ++ builtins.map (output: package.${output}) package.outputs
  ) derivations;

  # It is made of links alone: sending them elsewhere, or asking for them, costs more than making them.
  preferLocalBuild = true;
  allowSubstitutes = false;
}
