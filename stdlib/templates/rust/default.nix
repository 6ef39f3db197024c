# A Rust program: `firn build -f .` builds it, `firn develop -f .` opens a shell with cargo. What `Cargo.lock` names is
# fetched by its hashes: nothing else needs to be said when a dependency is added.
{
  pkgs ? import <firn> { },
}:
pkgs.buildRustPackage {
  pname = "greet";
  version = "0.1.0";
  src = pkgs.lib.fileset.toSource {
    root = ./.;
    fileset = pkgs.lib.fileset.unions [
      ./Cargo.toml
      ./Cargo.lock
      ./src
    ];
  };
  cargoLock.lockFile = ./Cargo.lock;
  doCheck = true;
  meta.mainProgram = "greet";
}
