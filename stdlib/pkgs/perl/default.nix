{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "perl";
  version = "5.36.0";
  src = fetchurl {
    url = "mirror://debian/pool/main/p/perl/perl_5.36.0.orig.tar.xz";
    sha256 = "0f386dccbee8e26286404b2cca144e1005be65477979beb9b1ba272d4819bcf0";
  };
  # Its own configuration script; what it would ask the machine is said here, so that every build is the same.
  configurePhase = ''
    sh ./Configure -des -Dprefix=$out -Dcc=gcc -Duseshrplib -Dman1dir=none -Dman3dir=none \
      -Dlocincpth= -Dloclibpth= -Dglibpth= -Dmyhostname=firn -Dmydomain=.invalid -Dcf_by=firn -Dcf_email=firn@firn.invalid \
      -Dperladmin=root@localhost -Dcf_time='Thu Jan  1 00:00:00 UTC 1970' -Dosvers=linux -Dmyuname=linux -Dpager=less
  '';
  # Where the current directory is asked for by a program, it is the one on the path.
  postPatch = ''sed -i "s@'/bin/pwd', '/usr/bin/pwd'@'pwd'@; s@'/bin/pwd'@'pwd'@" dist/PathTools/Cwd.pm'';
  doInstallCheck = true;
  installCheckPhase = ''[ "$($out/bin/perl -MPOSIX -e 'print floor(42.5)')" = 42 ]'';
  meta = {
    description = "The language Perl";
    homepage = "https://www.perl.org/";
    license = "Artistic-1.0-Perl OR GPL-1.0-or-later";
    mainProgram = "perl";
  };
}
