#!@bash@
# @name@: the compiler with the search paths of this toolchain. The C library's headers come last (-idirafter), so that
# `#include_next` of the C++ headers finds them; start files and the linker come through -B.
links=1
cxx=
case @name@ in *++) cxx=1 ;; cpp) links= ;; esac
for argument in "$@"; do
  case $argument in
    -c | -S | -E | -M | -MM | -fsyntax-only) links= ;;
    -xc++ | -x*c++) cxx=1 ;;
    -nostdinc) nostdinc=1 ;;
    -v | --version | -dump* | -print-*) [ $# = 1 ] && links= ;;
  esac
done

before=(-B@out@/bin/ -B@toolchain@/lib/x86_64-linux-gnu/ "-ffile-prefix-map=${NIX_BUILD_TOP:-/build}=/build")
after=()
[ @name@ = cpp ] && before=()
if [ -z "${nostdinc-}" ]; then
  after+=(-idirafter @toolchain@/include/x86_64-linux-gnu -idirafter @toolchain@/include)
  if [ -n "$cxx" ]; then
    after+=(-isystem @toolchain@/include/c++/12 -isystem @toolchain@/include/x86_64-linux-gnu/c++/12 -isystem @toolchain@/include/c++/12/backward)
  fi
fi
[ -n "${NIX_RANDOM_SEED-}" ] && before+=("-frandom-seed=$NIX_RANDOM_SEED")
link=()
if [ -n "$links" ]; then
  link=(-L@runtimeLibs@/lib -L@toolchain@/lib/x86_64-linux-gnu ${NIX_CFLAGS_LINK-})
fi
exec @program@ "${before[@]}" "$@" ${NIX_CFLAGS_COMPILE-} "${after[@]}" "${link[@]}"
