{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "lua";
  version = "5.1.5";
  src = fetchurl {
    url = "mirror://debian/pool/main/l/lua5.1/lua5.1_5.1.5.orig.tar.gz";
    sha256 = "2640fc56a795f29d28ef15e13c34a47e223960b0240e8cb0a82d9b0738695333";
  };
  dontConfigure = true;
  buildFlags = [ "posix" ];
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
