/**
  Where everything begins: the files pinned in `seed.json`, and one of them, a static busybox, unpacked.

  The unpacked tree is declared by its hash, so its store path does not depend on what unpacked it; any other builder can be
  given the same path.
*/
let
  fetch = import ./fetch.nix;
  lock = builtins.fromJSON (builtins.readFile ./seed.json);

  # Store names allow neither `~` nor `%`; the package's own name is unique in the lock.
  archive = package: {
    inherit (package) name;
    value = fetch {
      name = "${package.name}.deb";
      url = "mirror://debian/${package.path}";
      inherit (package) sha256;
    };
  };
in
rec {
  /** Every pinned archive by package name. */
  archives = builtins.listToAttrs (map archive lock.packages);

  /** Package name to version, as pinned. */
  versions = builtins.listToAttrs (map (package: { inherit (package) name; value = package.version; }) lock.packages);

  /** A directory with `bin/busybox`, statically linked. */
  busybox = derivation {
    name = "seed-busybox";
    builder = "builtin:unpack-deb";
    system = "builtin";
    src = archives.busybox-static;
    outputHashMode = "recursive";
    outputHashAlgo = "sha256";
    outputHash = lock.busyboxTree;
  };
}
