{ stdenv, fetchurl, bison, gnum4 }:

stdenv.mkDerivation {
  pname = "flex";
  version = "2.6.4";
  src = fetchurl {
    url = "mirror://debian/pool/main/f/flex/flex_2.6.4.orig.tar.gz";
    sha256 = "e87aae032bf07c26f85ac0ed3250998c37621d95f8bd748b31f15b33c45ee995";
  };
  nativeBuildInputs = [ bison gnum4 ];
  # Without it a function that returns a pointer goes undeclared.
  CFLAGS = "-O2 -D_GNU_SOURCE";
  doInstallCheck = true;
  installCheckPhase = ''printf '%%%%\na ;\n' > x.l && $out/bin/flex -o x.c x.l && [ -s x.c ]'';
  meta = {
    description = "Writes scanners";
    homepage = "https://github.com/westes/flex";
    license = "BSD-2-Clause";
    mainProgram = "flex";
  };
}
