{ stdenv, fetchurl }:

stdenv.mkDerivation {
  pname = "make";
  version = "4.3";
  src = fetchurl {
    url = "mirror://debian/pool/main/m/make-dfsg/make-dfsg_4.3.orig.tar.gz";
    sha256 = "be4c17542578824e745f83bcd2a9ba264206187247cb6a5f5df99b0a9d1f9047";
  };
  # The archive has neither a configure script nor the manual that its makefiles want; the answers such a script would find
  # for this C library are few and known, and a program that builds makefiles had better not need one.
  configurePhase = "source ${./configure.sh}";
  buildPhase = ''
    gcc -O2 -Isrc -Ilib -DHAVE_CONFIG_H "-DLIBDIR=\"$out/lib\"" "-DINCLUDEDIR=\"$out/include\"" "-DLOCALEDIR=\"$out/share/locale\"" \
      src/{ar,arscan,commands,default,dir,expand,file,function,getopt,getopt1,guile,hash,implicit,job,load,loadapi,main,misc,output}.c \
      src/{posixos,read,remake,remote-stub,rule,signame,strcache,variable,version,vpath}.c \
      lib/{concat-filename,exitfail,findprog-in,xalloc-die,xconcat-filename}.c -rdynamic -ldl -o make
  '';
  installPhase = ''
    install -D make $out/bin/make
    install -D -m 644 src/gnumake.h $out/include/gnumake.h
    ln -s make $out/bin/gmake
  '';
  doInstallCheck = true;
  installCheckPhase = ''
    mkdir try
    printf 'all: a.up b.up\n\t@cat $^\n%%.up: %%.low\n\t@tr a-z A-Z < $< > $@\n' > try/Makefile
    echo a > try/a.low
    echo b > try/b.low
    [ "$($out/bin/make -s -j2 -C try)" = $'A\nB' ]
    touch -d '1 hour ago' try/a.*
    touch -d '2 hours ago' try/b.up
    [ "$($out/bin/make -s -n -C try)" = $'tr a-z A-Z < b.low > b.up\ncat a.up b.up' ]
  '';
  meta = {
    description = "Makes what is older than what it is made from";
    homepage = "https://www.gnu.org/software/make/";
    license = "GPL-3.0-or-later";
    mainProgram = "make";
  };
}
