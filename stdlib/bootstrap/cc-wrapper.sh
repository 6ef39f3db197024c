# Writes one script per compiler and one for the linker; everything else is a link into the toolchain.
export PATH=$toolchain/bin
mkdir -p "$out/bin"
fill() { # TEMPLATE REAL-PROGRAM NAME
  sed -e "s|@bash@|$toolchain/bin/bash|g; s|@toolchain@|$toolchain|g; s|@runtimeLibs@|$runtimeLibs|g; s|@out@|$out|g; s|@program@|$2|g; s|@name@|$3|g" \
    "$1" > "$out/bin/$3"
  chmod 755 "$out/bin/$3"
}

for name in gcc cc; do fill "$compiler" "$toolchain/bin/gcc" "$name"; done
fill "$compiler" "$toolchain/bin/cpp" cpp
for name in g++ c++; do fill "$compiler" "$toolchain/bin/g++" "$name"; done
fill "$linker" "$toolchain/bin/ld.bfd" ld
for name in addr2line ar as c++filt gcc-ar gcc-nm gcc-ranlib gcov gprof nm objcopy objdump ranlib readelf size strings strip; do
  [ -e "$toolchain/bin/$name" ] && ln -s "$toolchain/bin/$name" "$out/bin/$name"
done
printf '#include <stdio.h>\nint main(void) { return puts("ok") < 0; }\n' > try.c
"$out/bin/cc" try.c -o try
./try
printf '#include <math.h>\nint main(int count, char **words) { return cos(count) > 1; }\n' > static.c
"$out/bin/cc" -static static.c -lm -o static
./static
printf '#include <iostream>\nint main() { std::cout << "ok\\n"; }\n' > try.cc
"$out/bin/c++" try.cc -o try
./try
if "$toolchain/bin/readelf" -d try | grep -q "$toolchain"; then
  echo "a linked program refers to the toolchain" >&2
  exit 1
fi
