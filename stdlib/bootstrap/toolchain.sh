# Unpacks the pinned archives into $out and relocates them: afterwards every program runs from its store path.
# Runs under the seed's busybox, which brings every tool used here.
set -eu
export PATH=$seed/bin
bb=$seed/bin/busybox
mkdir tools
for applet in ar awk basename cat chmod cp cut dirname find grep head install ln ls mkdir mv readlink rm sed sh sort tar touch tr true unxz xargs; do
  ln -s "$bb" "tools/$applet"
done
export PATH=$PWD/tools

mkdir -p "$out"
for archive in $archives; do
  ar -p "$archive" data.tar.xz | unxz | tar -x -C "$out"
done

cd "$out"
# One tree: what lies below usr moves up. Directories that exist on both sides are merged.
cp -a usr/. .
rm -rf usr etc var sbin/ldconfig share/doc share/man share/info share/locale share/lintian share/bug share/doc-base share/menu share/bash-completion
ln -s . usr

multiarch=lib/x86_64-linux-gnu
loader=$out/$multiarch/ld-linux-x86-64.so.2

# Links that were absolute point into this tree now.
find . -type l | while read -r link; do
  target=$(readlink "$link")
  case $target in
    /usr/*) ln -sfn "$out/${target#/usr/}" "$link" ;;
    /etc/*) rm "$link" ;;
    /*) ln -sfn "$out$target" "$link" ;;
  esac
done
for tool in gcc g++ cpp gcc-ar gcc-nm gcc-ranlib gcov; do
  [ -e bin/x86_64-linux-gnu-$tool-12 ] && ln -sf x86_64-linux-gnu-$tool-12 bin/$tool
done
ln -sf bash bin/sh
ln -sf gawk bin/awk
ln -sf gcc bin/cc
ln -sf g++ bin/c++

# The linker's own scripts name libraries by absolute path.
grep -lE '^(GROUP|INPUT) ?\(' $multiarch/*.so $multiarch/libm.a | while read -r script; do
  sed -i -E "s@ /usr/lib/x86_64-linux-gnu/@ $out/$multiarch/@g; s@ /lib/x86_64-linux-gnu/@ $out/$multiarch/@g; s@ /lib64/@ $out/$multiarch/@g" "$script"
done

# patchelf cannot rewrite itself or the libraries it runs with: it runs from a copy.
aside=$NIX_BUILD_TOP/aside
mkdir -p "$aside"
cp -L bin/patchelf $multiarch/ld-linux-x86-64.so.2 $multiarch/libc.so.6 $multiarch/libm.so.6 $multiarch/libstdc++.so.6 $multiarch/libgcc_s.so.1 "$aside/"
patchelf() { "$aside/ld-linux-x86-64.so.2" --library-path "$aside" "$aside/patchelf" "$@"; }

is_elf() { [ "$(head -c 4 "$1" | tr -d '\177')" = ELF ]; }

find bin sbin lib libexec -type f 2>/dev/null | sort | while read -r file; do
  case $file in
    */ld-linux-x86-64.so.2 | */libc.so.6 | *.o | *.a | */busybox | */gconv/*) continue ;;
  esac
  is_elf "$file" || continue
  chmod u+w "$file"
  if patchelf --print-interpreter "$file" >/dev/null 2>&1; then
    patchelf --set-interpreter "$loader" --set-rpath "$out/$multiarch" "$file"
  else
    patchelf --set-rpath "$out/$multiarch" "$file" 2>/dev/null || true
  fi
done

# Scripts start with a program of this tree.
find bin -type f | sort | while read -r file; do
  is_elf "$file" && continue
  case $(head -n 1 "$file") in
    '#!'*/bin/sh* | '#!'*/bin/bash*) sed -i "1s@^#! */[a-z/]*bin/@#!$out/bin/@" "$file" ;;
  esac
done

# It has to run before anything else may rely on it.
printf 'int main(void) { return 0; }\n' > "$NIX_BUILD_TOP/try.c"
bin/gcc -B"$out/$multiarch" -B"$out/bin" -idirafter "$out/include" -L"$out/$multiarch" "$NIX_BUILD_TOP/try.c" \
  -Wl,-dynamic-linker,"$loader",-rpath,"$out/$multiarch" -o "$NIX_BUILD_TOP/try"
"$NIX_BUILD_TOP/try"
