{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "lua";
  version = "5.4.4";
  src = fetchurl {
    url = "mirror://debian/pool/main/l/lua5.4/lua5.4_5.4.4.orig.tar.gz";
    sha256 = "164c7849653b80ae67bec4b7473b884bf5cc8d2dca05653475ec2ed27b9ebf61";
  };
  dontConfigure = true;
  buildFlags = [ "linux" ];
  installFlags = [ "INSTALL_TOP=$(out)" ];
  doInstallCheck = true;
  installCheckPhase = ''[ "$($out/bin/lua -e 'print(6 * 7)')" = 42 ]'';
  meta = {
    description = "A small, embeddable scripting language";
    homepage = "https://www.lua.org/";
    license = "MIT";
    mainProgram = "lua";
  };
}
