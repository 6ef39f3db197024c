{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "dnsmasq";
  version = "2.90";
  src = fetchurl {
    url = "mirror://debian/pool/main/d/dnsmasq/dnsmasq_2.90.orig.tar.xz";
    sha256 = "8e50309bd837bfec9649a812e066c09b6988b73d749b7d293c06c57d46a109e4";
  };
  dontConfigure = true;
  makeFlags = [ "PREFIX=$(out)" "BINDIR=$(out)/bin" ];
  doInstallCheck = true;
  installCheckPhase = "$out/bin/dnsmasq --version > /dev/null";
  meta = {
    description = "DNS and DHCP for a small network";
    homepage = "https://thekelleys.org.uk/dnsmasq/doc.html";
    license = "GPL-2.0-or-later";
    mainProgram = "dnsmasq";
  };
}
