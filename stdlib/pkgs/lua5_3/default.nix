{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "lua";
  version = "5.3.6";
  src = fetchurl {
    url = "mirror://debian/pool/main/l/lua5.3/lua5.3_5.3.6.orig.tar.gz";
    sha256 = "fc5fd69bb8736323f026672b1b7235da613d7177e72558893a0bdcd320466d60";
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
