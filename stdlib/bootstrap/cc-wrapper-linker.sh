#!@bash@
# ld: sets the loader and, for each library that is really linked from a store path, the run path to it.
arguments=("$@" ${NIX_LDFLAGS-})

static=
folders=()
libraries=()
files=()
previous=
for argument in "${arguments[@]}"; do
  case $previous in
    -L) folders+=("$argument") ;;
    -l) libraries+=("$argument") ;;
  esac
  case $argument in
    -static | -r | -Bstatic-pie) static=1 ;;
    -L?*) folders+=("${argument#-L}") ;;
    -l?*) libraries+=("${argument#-l}") ;;
    @toolchain@/*) ;; # the compiler's own plugin
    "${NIX_STORE:-/nix/store}"/*.so | "${NIX_STORE:-/nix/store}"/*.so.*) files+=("${argument%/*}") ;;
  esac
  previous=$argument
done

extra=()
if [ -z "$static" ]; then
  extra+=(-dynamic-linker @runtimeLibs@/lib/ld-linux-x86-64.so.2)
  declare -A seen
  add() { [ -n "${seen[$1]-}" ] || { seen[$1]=1; extra+=(-rpath "$1"); }; }
  for folder in "${files[@]}"; do add "$folder"; done
  for library in "${libraries[@]}"; do
    for folder in "${folders[@]}"; do
      [ -e "$folder/lib$library.so" ] || continue
      case $folder in
        @toolchain@/*) ;;
        "${NIX_STORE:-/nix/store}"/*) add "$folder" ;;
      esac
      break
    done
  done
  add @runtimeLibs@/lib
fi
exec @program@ "${arguments[@]}" "${extra[@]}"
