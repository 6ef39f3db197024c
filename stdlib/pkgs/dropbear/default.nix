{ stdenv, fetchurl, zlib }:

stdenv.mkDerivation {
  pname = "dropbear";
  version = "2022.83";
  src = fetchurl {
    url = "mirror://debian/pool/main/d/dropbear/dropbear_2022.83.orig.tar.bz2";
    sha256 = "bc5a121ffbc94b5171ad5ebe01be42746d50aa797c9549a4639894a16749443b";
  };
  buildInputs = [ zlib ];
  configureFlags = [ "--disable-lastlog" "--disable-utmp" "--disable-wtmp" ];
  preBuild = ''makeFlagsArray+=("PROGRAMS=dropbear dbclient dropbearkey dropbearconvert scp")'';
  doInstallCheck = true;
  installCheckPhase = "$out/bin/dropbearkey -t ed25519 -f key > /dev/null && [ -s key ]";
  meta = {
    description = "A small server and client of SSH";
    homepage = "https://matt.ucc.asn.au/dropbear/dropbear.html";
    license = "MIT";
    mainProgram = "dbclient";
  };
}
