{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "patchelf";
  version = "0.14.3";
  src = fetchurl {
    url = "mirror://debian/pool/main/p/patchelf/patchelf_0.14.3.orig.tar.gz";
    sha256 = "827a8ca914c69413f1ca0d967a637980a24edf000a938531a77e663317c853bb";
  };
  # One file; a tool of every build had better not need autoconf.
  buildPhase = ''
    g++ -std=c++17 -O2 -D_FILE_OFFSET_BITS=64 "-DPACKAGE_STRING=\"patchelf $version\"" src/patchelf.cc -o patchelf
  '';
  installPhase = ''
    install -D patchelf $out/bin/patchelf
    install -D -m 644 patchelf.1 $out/share/man/man1/patchelf.1
  '';
  doInstallCheck = true;
  installCheckPhase = "$out/bin/patchelf --print-interpreter $out/bin/patchelf > /dev/null";
  meta = {
    description = "Changes the loader and search path of programs";
    homepage = "https://github.com/NixOS/patchelf";
    license = "GPL-3.0-or-later";
    mainProgram = "patchelf";
  };
}
