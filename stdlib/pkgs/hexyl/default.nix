{ lib, buildRustPackage, fetchCrate }:

buildRustPackage {
  pname = "hexyl";
  version = "0.8.0";
  src = fetchCrate {
    name = "hexyl";
    version = "0.8.0";
    sha256 = "3713303deef288951ebfc11ffe0bfa18725a7099cbfed5e231c4a470ce53376a";
  };
  # What its Cargo.lock names, taken with a line of the registry each.
  crates = lib.importJSON ./crates.json;
  doInstallCheck = true;
  installCheckPhase = ''printf hi | $out/bin/hexyl --color never | grep -q "68 69"'';
  meta = {
    description = "Shows bytes";
    homepage = "https://github.com/sharkdp/hexyl";
    license = "MIT OR Apache-2.0";
    mainProgram = "hexyl";
  };
}
