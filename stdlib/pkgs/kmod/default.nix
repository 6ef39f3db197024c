{ stdenv, fetchurl, autoreconfHook, pkgconf, xz, zlib, zstd }:

stdenv.mkDerivation {
  pname = "kmod";
  version = "30";
  src = fetchurl {
    url = "mirror://debian/pool/main/k/kmod/kmod_30+20221128.orig.tar.xz";
    sha256 = "00bc9ae4f1f9e1bbc1266d838452865bc7c24271d0853939edbe3029ad22af4e";
  };
  nativeBuildInputs = [ autoreconfHook pkgconf ];
  buildInputs = [ xz zlib zstd ];
  configureFlags = [ "--with-xz" "--with-zlib" "--with-zstd" "--disable-manpages" ];
  # The macro of a documentation tool that is not needed, and the tool itself.
  GTKDOCIZE = "true";
  postPatch = "mkdir -p m4 libkmod/docs && echo 'AC_DEFUN([GTK_DOC_CHECK], [AM_CONDITIONAL([ENABLE_GTK_DOC], [false])])' > m4/gtk-doc.m4 && echo 'EXTRA_DIST =' > libkmod/docs/gtk-doc.make";
  postInstall = "for tool in depmod insmod lsmod modinfo modprobe rmmod; do ln -sfn kmod $out/bin/$tool; done";
  doInstallCheck = true;
  installCheckPhase = "$out/bin/kmod --version > /dev/null && $out/bin/modprobe --version > /dev/null";
  meta = {
    description = "Loads modules of the kernel";
    homepage = "https://git.kernel.org/pub/scm/utils/kernel/kmod/kmod.git";
    license = "GPL-2.0-or-later";
    mainProgram = "kmod";
  };
}
