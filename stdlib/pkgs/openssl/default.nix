{ stdenv, fetchurl, perl }:

stdenv.mkDerivation {
  pname = "openssl";
  version = "3.0.20";
  src = fetchurl {
    url = "mirror://debian/pool/main/o/openssl/openssl_3.0.20.orig.tar.gz";
    sha256 = "c80a01dfc70ece4dc21168932c37739042d404d46ccc81a5986dd75314ecda6f";
  };
  nativeBuildInputs = [ perl ];
  configurePhase = ''
    patchShebangs Configure
    ./Configure linux-x86_64 shared no-tests --prefix=$out --libdir=lib --openssldir=/etc/ssl
  '';
  installTargets = "install_sw";
  # A script that would bring Perl along.
  postInstall = "rm -f $out/bin/c_rehash";
  doInstallCheck = true;
  installCheckPhase = ''[ "$(echo hi | $out/bin/openssl sha256 | cut -c1-6)" != "" ] && $out/bin/openssl version > /dev/null'';
  meta = {
    description = "Cryptography and TLS";
    homepage = "https://www.openssl.org/";
    license = "Apache-2.0";
    mainProgram = "openssl";
  };
}
