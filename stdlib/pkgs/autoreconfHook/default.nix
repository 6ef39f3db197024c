{ stdenvNoCC, autoconf, automake, libtool }:

# Sources from a repository come without a configure script; this writes it before it is run.
stdenvNoCC.mkDerivation {
  pname = "autoreconf-hook";
  version = "1";
  propagatedBuildInputs = [ autoconf automake libtool ];
  setupHook = ./setup-hook.sh;
  phases = [ "installPhase" "fixupPhase" ];
  installPhase = "mkdir -p $out";
  meta.description = "Writes configure scripts before they are run";
}
