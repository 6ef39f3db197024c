# Takes the libraries from the pristine archives (the toolchain's copies are bound to the toolchain) and binds them to $out.
set -eu
mkdir tools
for applet in ar chmod cp find ln ls mkdir mv readlink rm sh sort tar tr head unxz; do
  ln -s "$seed/bin/busybox" "tools/$applet"
done
export PATH=$PWD/tools

mkdir unpacked
for archive in $archives; do
  ar -p "$archive" data.tar.xz | unxz | tar -x -C unpacked
done
mkdir -p "$out/lib"
for folder in unpacked/lib/x86_64-linux-gnu unpacked/usr/lib/x86_64-linux-gnu; do
  [ -d "$folder" ] && cp -a "$folder"/. "$out/lib/"
done
rm -rf "$out/lib/audit" "$out/lib/gconv"
ln -s lib "$out/lib64"

find "$out/lib" -type f -name '*.so*' | sort | while read -r file; do
  case $file in
    */ld-linux-x86-64.so.2 | */libc.so.6) continue ;;
  esac
  chmod u+w "$file"
  "$toolchain/bin/patchelf" --set-rpath "$out/lib" "$file"
done
"$out/lib/ld-linux-x86-64.so.2" --list "$out/lib/libstdc++.so.6" >/dev/null
