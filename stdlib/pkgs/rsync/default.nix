{ stdenv, fetchurl, lz4, openssl, zstd }:

stdenv.mkDerivation {
  pname = "rsync";
  version = "3.2.7";
  src = fetchurl {
    url = "mirror://debian/pool/main/r/rsync/rsync_3.2.7.orig.tar.gz";
    sha256 = "4e7d9d3f6ed10878c58c5fb724a67dacf4b6aac7340b13e488fb2dc41346f2bb";
  };
  buildInputs = [ lz4 openssl zstd ];
  configureFlags = [ "--disable-xxhash" "--disable-md2man" "--with-included-popt" "--with-included-zlib" ];
  doInstallCheck = true;
  installCheckPhase = ''mkdir a && echo hi > a/f && $out/bin/rsync -a a/ b && [ "$(cat b/f)" = hi ]'';
  meta = {
    description = "Copies what has changed";
    homepage = "https://rsync.samba.org/";
    license = "GPL-3.0-or-later";
    mainProgram = "rsync";
  };
}
