/**
  A package from binary archives of a distribution, relocated into one store path: for programs that are too large to
  build from source everywhere. The archives are pinned in `bootstrap/debs.json`; what they all need of the C library
  comes from the run-time libraries that packages built from source use, too.

  # Type
  `{ name, pname ?, postInstall ?, meta ? } -> derivation`, where `name` is one of the lock's sets

  # Example
  ```nix
  fromDeb { name = "htop"; }
  ```
*/
{
  lib,
  stdenvNoCC,
  bootstrap,
  bash,
}:

let
  lock = builtins.fromJSON (builtins.readFile ../bootstrap/debs.json);
  fetch = import ../bootstrap/fetch.nix;

  archives = builtins.listToAttrs (
    map (package: {
      inherit (package) name;
      value = fetch {
        name = "${package.name}.deb";
        url = "mirror://debian/${package.path}";
        inherit (package) sha256;
      };
    }) lock.packages
  );

  # Without epoch and revision, which are the distribution's own.
  upstream = version: builtins.elemAt (builtins.match "([0-9]+:)?([^-]+).*" version) 1;
in
{
  name,
  pname ? name,
  mainProgram ? name,
  postInstall ? "",
  passthru ? { },
  meta ? { },
}:

let
  set = lock.sets.${name};
in
stdenvNoCC.mkDerivation {
  inherit pname postInstall;
  version = upstream set.version;
  archives = map (package: archives.${package}) set.packages;
  inherit (bootstrap) runtimeLibs;
  nativeBuildInputs = [ bash bootstrap.cc ];
  # A compiler that came along with a program would come along to every machine.
  disallowedRequisites = [ bootstrap.toolchain bootstrap.cc ];
  phases = [ "installPhase" ];
  installPhase = "source ${./from-deb.sh}";
  passthru = {
    # Which archives it consists of.
    debs = set.packages;
  }
  // passthru;
  meta = {
    inherit mainProgram;
    sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
    platforms = [ "x86_64-linux" ];
  }
  // meta;
}
