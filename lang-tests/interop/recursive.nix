# A builder that uses the store (`recursive-nix`): it adds a file, builds with it, refers to both, and does not get at what
# was not given to it. The program is at /firn/nix.
{ secret }:
derivation {
  name = "recursive";
  system = "x86_64-linux";
  requiredSystemFeatures = [ "recursive-nix" ];
  builder = "/bin/sh";
  inherit secret;
  args = [ "-c" ''
    export HOME=$TMPDIR
    nix() { /firn/nix --extra-experimental-features nix-command --option substitute false "$@"; }
    echo added > added
    added=$(nix store add-path ./added) || exit 11
    read line < $added && test "$line" = added || exit 12
    nix path-info $secret 2>/dev/null && exit 13
    test -e $secret && exit 14
    (echo more > $added) 2>/dev/null && exit 15
    inner=$(nix build --no-link --print-out-paths --impure --expr '
      derivation {
        name = "inner"; system = "x86_64-linux"; builder = "/bin/sh";
        from = builtins.storePath "'$added'";
        args = [ "-c" "read line < $from; echo inner $line > $out" ];
      }') || exit 16
    read line < $inner && test "$line" = "inner added" || exit 17
    nix path-info --all | while read path; do echo seen $path; done
    echo $inner $added > $out
  '' ];
}
