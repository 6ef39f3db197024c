# Takes the locale from the C library's own archive, of the version that everything is linked with.
set -eu
mkdir tools unpacked
for applet in ar cp mkdir tar unxz; do "$seed/bin/busybox" ln -s "$seed/bin/busybox" "tools/$applet"; done
export PATH=$PWD/tools
ar -p "$archive" data.tar.xz | unxz | tar -x -C unpacked
mkdir -p "$out/lib/locale"
cp -a unpacked/usr/lib/locale/C.utf8 "$out/lib/locale/"
