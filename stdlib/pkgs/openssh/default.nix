{ stdenv, fetchurl, openssl, zlib }:

stdenv.mkDerivation {
  pname = "openssh";
  version = "9.2p1";
  src = fetchurl {
    url = "mirror://debian/pool/main/o/openssh/openssh_9.2p1.orig.tar.gz";
    sha256 = "3f66dbf1655fb45f50e1c56da62ab01218c228807b21338d634ebcdf9d71cf46";
  };
  buildInputs = [ openssl zlib ];
  configureFlags = [
    "--sysconfdir=/etc/ssh"
    "--with-privsep-path=/run/sshd"
    "--with-privsep-user=sshd"
    "--without-pam"
    "--disable-lastlog"
    "--disable-utmp"
    "--disable-wtmp"
    "--with-default-path=/run/current-system/sw/bin:/usr/bin:/bin"
    "--disable-strip"
  ];
  # The directory of the server is made when it starts, and no file of a store runs as its owner.
  postConfigure = "sed -i -e '/MKDIR_P.*PRIVSEP_PATH/d' -e 's/-m 4711/-m 0755/' Makefile";
  installFlags = [ "sysconfdir=${builtins.placeholder "out"}/etc/ssh" ];
  installTargets = "install-nokeys";
  doInstallCheck = true;
  installCheckPhase = ''$out/bin/ssh -V 2> version && grep -q OpenSSH_9.2 version && $out/bin/ssh-keygen -q -t ed25519 -N "" -f key && [ -s key.pub ]'';
  meta = {
    description = "Shells on other machines";
    homepage = "https://www.openssh.com/";
    license = "BSD-2-Clause";
    mainProgram = "ssh";
  };
}
