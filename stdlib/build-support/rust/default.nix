/**
  Programs in Rust, from a crate or any other source with a `Cargo.toml`, without a network: the crates that they depend on
  are files named by their hashes, laid out as a directory that cargo reads in place of its registry.

  `crates` is a list of `{ name, version, sha256 }`, as `Cargo.lock` has them; `importCargoLock` reads such a file.

  # Example
  ```nix
  buildRustPackage {
    pname = "hexyl";
    version = "0.8.0";
    src = fetchCrate { name = "hexyl"; version = "0.8.0"; sha256 = "3713…"; };
    crates = lib.importJSON ./crates.json;
  }
  ```
*/
{
  lib,
  stdenv,
  fetchurl,
  fromDeb,
}:

rec {
  # The compiler and cargo, relocated from binary archives.
  rust = fromDeb {
    name = "rust";
    pname = "rustc";
    mainProgram = "rustc";
  };

  /** A crate of the registry, as one file. */
  fetchCrate =
    {
      name,
      version,
      sha256,
    }:
    fetchurl {
      url = "mirror://crates/${name}/${version}";
      name = "${name}-${version}.crate";
      inherit sha256;
    };

  /** The crates that a `Cargo.lock` names, as the list that `crates` takes. What is not of the registry is left out. */
  importCargoLock =
    file:
    map (package: {
      inherit (package) name version;
      sha256 = package.checksum;
    }) (lib.filter (package: package ? checksum) (lib.importTOML file).package);

  # One folder a crate, each with the digest that cargo looks for.
  vendored =
    name: crates:
    stdenv.mkDerivation {
      name = "${name}-vendor";
      phases = [ "installPhase" ];
      archives = map fetchCrate crates;
      digests = map (crate: crate.sha256) crates;
      installPhase = ''
        mkdir -p $out
        digests=($digests)
        at=0
        for archive in $archives; do
          folder=$(stripHash "$archive")
          gzip -d < "$archive" | tar -x --no-same-owner -C $out
          echo "{\"files\":{},\"package\":\"''${digests[at]}\"}" > "$out/''${folder%.crate}/.cargo-checksum.json"
          at=$((at + 1))
        done
      '';
    };

  /**
    Builds every binary of a package and installs it.

    # Type
    `{ pname, version, src, crates | cargoLock, buildFeatures ?, buildNoDefaultFeatures ?, cargoBuildFlags ?, … } -> derivation`
  */
  buildRustPackage =
    {
      pname,
      version,
      crates ? importCargoLock cargoLock.lockFile,
      cargoLock ? null,
      buildFeatures ? [ ],
      buildNoDefaultFeatures ? false,
      cargoBuildFlags ? [ ],
      nativeBuildInputs ? [ ],
      passthru ? { },
      ...
    }@attrs:
    stdenv.mkDerivation (
      {
        configurePhase = ''
          runHook preConfigure
          export CARGO_HOME=$TMPDIR/cargo RUSTFLAGS="--remap-path-prefix=$PWD=. --remap-path-prefix=$cargoVendor=vendor ''${RUSTFLAGS-}"
          mkdir -p "$CARGO_HOME"
          printf '[source.crates-io]\nreplace-with = "vendored"\n[source.vendored]\ndirectory = "%s"\n' "$cargoVendor" > "$CARGO_HOME/config.toml"
          runHook postConfigure
        '';
        buildPhase = ''
          runHook preBuild
          cargo build --release --offline --frozen -j "''${NIX_BUILD_CORES:-1}" $cargoFlags
          runHook postBuild
        '';
        checkPhase = ''
          runHook preCheck
          cargo test --release --offline --frozen -j "''${NIX_BUILD_CORES:-1}" $cargoFlags
          runHook postCheck
        '';
        installPhase = ''
          runHook preInstall
          mkdir -p $out/bin
          find target/release -maxdepth 1 -type f -perm -0100 ! -name '*.so' -exec cp -t $out/bin {} +
          runHook postInstall
        '';
      }
      // removeAttrs attrs [
        "crates"
        "cargoLock"
        "buildFeatures"
        "buildNoDefaultFeatures"
        "cargoBuildFlags"
        "passthru"
      ]
      // {
        nativeBuildInputs = nativeBuildInputs ++ [ rust ];
        cargoVendor = vendored "${pname}-${version}" crates;
        cargoFlags =
          cargoBuildFlags
          ++ lib.optional buildNoDefaultFeatures "--no-default-features"
          ++ lib.optional (buildFeatures != [ ]) "--features=${lib.concatStringsSep "," buildFeatures}";
        passthru = { inherit crates; } // passthru;
      }
    );
}
