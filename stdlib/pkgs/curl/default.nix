{ stdenv, fetchurl, openssl, perl, pkgconf, zlib }:

stdenv.mkDerivation {
  pname = "curl";
  version = "7.88.1";
  src = fetchurl {
    url = "mirror://debian/pool/main/c/curl/curl_7.88.1.orig.tar.gz";
    sha256 = "cdb38b72e36bc5d33d5b8810f8018ece1baa29a8f215b4495e495ded82bbf3c7";
  };
  nativeBuildInputs = [ perl pkgconf ];
  buildInputs = [ openssl zlib ];
  configureFlags = [
    "--with-openssl"
    "--with-zlib"
    "--without-libpsl"
    "--without-libidn2"
    "--without-brotli"
    "--without-zstd"
    "--without-nghttp2"
    "--disable-ldap"
    "--disable-manual"
    "--with-ca-bundle=/etc/ssl/certs/ca-certificates.crt"
  ];
  doInstallCheck = true;
  installCheckPhase = ''echo hi > served && [ "$($out/bin/curl -s file://$PWD/served)" = hi ]'';
  meta = {
    description = "Transfers by URL";
    homepage = "https://curl.se/";
    license = "curl";
    mainProgram = "curl";
  };
}
