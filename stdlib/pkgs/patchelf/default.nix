{ stdenv, fetchurl, autoreconfHook }:

stdenv.mkDerivation {
  pname = "patchelf";
  version = "0.14.3";
  src = fetchurl {
    url = "mirror://debian/pool/main/p/patchelf/patchelf_0.14.3.orig.tar.gz";
    sha256 = "827a8ca914c69413f1ca0d967a637980a24edf000a938531a77e663317c853bb";
  };
  nativeBuildInputs = [ autoreconfHook ];
  doInstallCheck = true;
  installCheckPhase = "$out/bin/patchelf --print-interpreter $out/bin/patchelf > /dev/null";
  meta = {
    description = "Changes the loader and search path of programs";
    homepage = "https://github.com/NixOS/patchelf";
    license = "GPL-3.0-or-later";
    mainProgram = "patchelf";
  };
}
