{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "zstd";
  version = "1.5.4";
  src = fetchurl {
    url = "mirror://debian/pool/main/libz/libzstd/libzstd_1.5.4+dfsg2.orig.tar.xz";
    sha256 = "8cf4bbb65e77ec348d052c8d6230eba66d435bddf64c8b5be2fcb16880c19953";
  };
  dontConfigure = true;
  makeFlags = [ "PREFIX=$(out)" ];
  doInstallCheck = true;
  installCheckPhase = ''[ "$(echo hi | $out/bin/zstd | $out/bin/zstd -d)" = hi ]'';
  meta = {
    description = "Fast compression";
    homepage = "https://facebook.github.io/zstd/";
    license = "BSD-3-Clause";
    mainProgram = "zstd";
  };
}
