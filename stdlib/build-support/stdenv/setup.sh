# The phases of a build, and what they are made of. Sourced by the builder and by development shells.
#
# Order: hooks are bash functions or strings; a hook `x` runs what the variable or function `x` holds and every entry of
# the array `xHooks`. Inputs are collected once: native ones give programs, the others give headers and libraries, and both
# pass on what they propagate.
set -eu -o pipefail
shopt -s nullglob inherit_errexit 2>/dev/null || true

: "${outputs:=out}"
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-315532800}
export LC_ALL=${LC_ALL:-C} TZ=UTC
export NIX_ENFORCE_PURITY=${NIX_ENFORCE_PURITY-1}
# The same everywhere, different for every package: keeps symbol names of anonymous objects apart.
[ -n "${out-}" ] && NIX_RANDOM_SEED=${NIX_RANDOM_SEED:-${out##*/}} && export NIX_RANDOM_SEED="${NIX_RANDOM_SEED:0:10}"

## Hooks

runHook() {
  local name=$1
  shift
  local array="${name}Hooks[@]" entry
  # An unset array is empty here.
  for entry in "${!array-}"; do
    [ -n "$entry" ] && _callHook "$entry" "$@"
  done
  _callHook "$name" "$@"
}

_callHook() {
  local name=$1
  shift
  if declare -F "$name" >/dev/null; then
    "$name" "$@"
  elif [ -n "${!name-}" ]; then
    eval "${!name}"
  elif [[ $name == *[[:space:]\;\$]* ]]; then
    eval "$name"
  fi
}

## Search paths and inputs

addToSearchPath() { addToSearchPathWithCustomDelimiter : "$@"; }
addToSearchPathWithCustomDelimiter() {
  local delimiter=$1 variable=$2 folder=$3
  [ -d "$folder" ] || return 0
  case "$delimiter${!variable-}$delimiter" in *"$delimiter$folder$delimiter"*) return 0 ;; esac
  export "$variable=${!variable:+${!variable}$delimiter}$folder"
}
prependToPath() { [ -d "$1" ] && PATH=$1${PATH:+:$PATH}; return 0; }

declare -a envHooksArray=()
addEnvHooks() { # OFFSET HOOK...: kept for setup hooks that say which inputs they look at; all inputs are shown here
  shift
  envHooksArray+=("$@")
}

declare -A _seenInputs=()
declare -a allNativeInputs=() allInputs=()

# Collects an input and what it propagates; $1 is the array that receives it.
_collect() {
  local array=$1 input=$2 propagated
  [ -n "$input" ] || return 0
  [ -e "$input" ] || { echo "build input $input does not exist" >&2; exit 1; }
  [ -z "${_seenInputs[$array:$input]-}" ] || return 0
  _seenInputs[$array:$input]=1
  eval "$array+=(\"\$input\")"
  if [ -f "$input" ]; then return 0; fi
  if [ -f "$input/nix-support/propagated-build-inputs" ]; then
    for propagated in $(<"$input/nix-support/propagated-build-inputs"); do _collect "$array" "$propagated"; done
  fi
  if [ -f "$input/nix-support/propagated-native-build-inputs" ]; then
    for propagated in $(<"$input/nix-support/propagated-native-build-inputs"); do _collect allNativeInputs "$propagated"; done
  fi
}

_useNative() {
  addToSearchPath PATH "$1/bin"
  addToSearchPath XDG_DATA_DIRS "$1/share"
  addToSearchPath ACLOCAL_PATH "$1/share/aclocal"
}

_useLibrary() {
  [ -d "$1/include" ] && NIX_CFLAGS_COMPILE="${NIX_CFLAGS_COMPILE-} -isystem $1/include"
  [ -d "$1/lib" ] && NIX_LDFLAGS="${NIX_LDFLAGS-} -L$1/lib"
  addToSearchPath PKG_CONFIG_PATH "$1/lib/pkgconfig"
  addToSearchPath PKG_CONFIG_PATH "$1/share/pkgconfig"
  addToSearchPath CMAKE_PREFIX_PATH "$1"
  addToSearchPath ACLOCAL_PATH "$1/share/aclocal"
  return 0
}

_setUpInputs() {
  local input hook tool
  PATH=
  # Programs find the libraries that are installed with them; the fixup drops this where they need none.
  [ -z "${defaultCompiler-}" ] || [ -z "${out-}" ] || NIX_LDFLAGS="-rpath $(_outputFor lib out)/lib ${NIX_LDFLAGS-}"
  for input in ${defaultCompiler-} ${nativeBuildInputs-} ${propagatedNativeBuildInputs-}; do _collect allNativeInputs "$input"; done
  for input in ${buildInputs-} ${propagatedBuildInputs-}; do _collect allInputs "$input"; done
  for input in "${allNativeInputs[@]}" "${allInputs[@]}"; do
    if [ -f "$input" ]; then
      source "$input"
    elif [ -f "$input/nix-support/setup-hook" ]; then
      source "$input/nix-support/setup-hook"
    fi
  done
  for input in "${allNativeInputs[@]}"; do _useNative "$input"; done
  for input in "${allInputs[@]}"; do
    _useLibrary "$input"
    [ -n "${strictDeps-}" ] || addToSearchPath PATH "$input/bin"
  done
  # Where the interpreters of what is installed may be.
  inputPath=
  for input in "${allNativeInputs[@]}" "${allInputs[@]}"; do
    _isBuildTool "$input" || inputPath=$inputPath:$input/bin
  done
  for tool in $initialPath; do
    addToSearchPath PATH "$tool/bin"
    _isBuildTool "$tool" || inputPath=$inputPath:$tool/bin
  done
  export PATH NIX_CFLAGS_COMPILE="${NIX_CFLAGS_COMPILE-}" NIX_LDFLAGS="${NIX_LDFLAGS-}"
  if [ -n "${defaultCompiler-}" ]; then
    export CC=${CC:-gcc} CXX=${CXX:-g++} AR=${AR:-ar} AS=${AS:-as} LD=${LD:-ld} NM=${NM:-nm} RANLIB=${RANLIB:-ranlib} STRIP=${STRIP:-strip} OBJCOPY=${OBJCOPY:-objcopy}
  fi
  for hook in "${envHooksArray[@]}"; do
    for input in "${allNativeInputs[@]}" "${allInputs[@]}"; do "$hook" "$input"; done
  done
}

## Small tools for phases

header() { echo "$1"; }
_phaseIs() { echo "Running phase: $1"; [ -n "${NIX_LOG_FD-}" ] && printf '@nix { "action": "setPhase", "phase": "%s" }\n' "$1" >&"$NIX_LOG_FD"; return 0; }

# substitute INPUT OUTPUT [--replace[-fail|-warn|-quiet] FROM TO | --subst-var NAME | --subst-var-by NAME VALUE | --subst-var-all]...
substitute() {
  local input=$1 output=$2 text name from to
  shift 2
  [ -f "$input" ] || { echo "substitute: no such file: $input" >&2; return 1; }
  # The x keeps trailing line ends.
  text=$(cat "$input"; printf x)
  text=${text%x}
  while [ $# -gt 0 ]; do
    case $1 in
      --replace | --replace-fail | --replace-warn | --replace-quiet)
        from=$2 to=$3
        if [[ $text != *"$from"* ]]; then
          case $1 in
            --replace-fail) echo "substitute: pattern $(printf %q "$from") does not occur in $input" >&2; return 1 ;;
            --replace | --replace-warn) echo "substitute: warning: pattern $(printf %q "$from") does not occur in $input" >&2 ;;
          esac
        fi
        text=${text//"$from"/"$to"}
        shift 3 ;;
      --subst-var) name=$2; text=${text//"@$name@"/"${!name-}"}; shift 2 ;;
      --subst-var-by) text=${text//"@$2@"/"$3"}; shift 3 ;;
      *) echo "substitute: unknown option $1" >&2; return 1 ;;
    esac
  done
  if [ "$input" = "$output" ]; then chmod u+w "$output" 2>/dev/null || true; fi
  printf %s "$text" > "$output"
}
substituteInPlace() {
  local files=()
  while [ $# -gt 0 ] && [[ $1 != --* ]]; do files+=("$1"); shift; done
  local file
  for file in "${files[@]}"; do substitute "$file" "$file" "$@"; done
}
substituteAll() {
  local input=$1 output=$2 name arguments=()
  while IFS= read -r name; do arguments+=(--subst-var "$name"); done < <(compgen -e | grep -E '^[a-z][A-Za-z0-9_]*$')
  substitute "$input" "$output" "${arguments[@]}"
}

# The folder of an output for one kind of file: the named output if the package has it, else the first that exists.
_outputFor() {
  local name
  for name in "$@"; do
    if [[ " $outputs " == *" $name "* ]]; then echo "${!name}"; return; fi
  done
  name=${outputs%% *}
  echo "${!name}"
}

isELF() { local magic; LC_ALL=C IFS= read -r -d '' -n 4 magic < "$1" || true; [ "$magic" = $'\177ELF' ]; }
isScript() { local magic; LC_ALL=C IFS= read -r -d '' -n 2 magic < "$1" || true; [ "$magic" = '#!' ]; }

## Phases

_unpack() {
  local source=$1
  echo "unpacking source archive $source"
  if [ -d "$source" ]; then
    cp -r --no-preserve=ownership "$source" "$(stripHash "$source")"
    return
  fi
  case $source in
    *.tar.xz | *.txz | *.tar.lzma) xz -d < "$source" | tar -xf - --no-same-owner ;;
    *.tar.gz | *.tgz | *.tar.Z | *.crate) gzip -d < "$source" | tar -xf - --no-same-owner ;;
    *.tar.bz2 | *.tbz2 | *.tbz) bzip2 -d < "$source" | tar -xf - --no-same-owner ;;
    *.tar.zst) zstd -d < "$source" | tar -xf - --no-same-owner ;;
    *.tar) tar -xf "$source" --no-same-owner ;;
    *.zip) unzip -qq "$source" ;;
    *)
      if declare -F unpackCmdHook >/dev/null; then unpackCmdHook "$source"; else
        echo "do not know how to unpack $source" >&2
        exit 1
      fi ;;
  esac
}
stripHash() {
  local name=${1##*/}
  [[ $name =~ ^[a-z0-9]{32}-(.*)$ ]] && name=${BASH_REMATCH[1]}
  echo "$name"
}

unpackPhase() {
  runHook preUnpack
  local list=${srcs:-${src-}} source before after
  [ -n "$list" ] || { echo "variable src or srcs should point to the source" >&2; exit 1; }
  before=" $(echo */) "
  for source in $list; do
    if [ -n "${unpackCmd-}" ]; then curSrc=$source; eval "$unpackCmd"; else _unpack "$source"; fi
  done
  if [ -n "${setSourceRoot-}" ]; then
    eval "$setSourceRoot"
  elif [ -z "${sourceRoot-}" ]; then
    for after in */; do
      [[ $before == *" $after "* ]] && continue
      [ -z "${sourceRoot-}" ] || { echo "unpacker produced multiple directories" >&2; exit 1; }
      sourceRoot=${after%/}
    done
  fi
  [ -n "${sourceRoot-}" ] || { echo "unpacker appears to have produced no directories" >&2; exit 1; }
  echo "source root is $sourceRoot"
  [ -n "${dontMakeSourcesWritable-}" ] || chmod -R u+w -- "$sourceRoot"
  runHook postUnpack
}

patchPhase() {
  runHook prePatch
  local patch
  for patch in ${patches-}; do
    echo "applying patch $patch"
    case $patch in
      *.gz) gzip -d < "$patch" ;;
      *.xz) xz -d < "$patch" ;;
      *.bz2) bzip2 -d < "$patch" ;;
      *) cat "$patch" ;;
    esac | patch ${patchFlags:--p1}
  done
  runHook postPatch
  _useOurShell
}

# Scripts of the source run in the shell of this environment. The one at /bin/sh may be a busybox that
# takes its own tools before those on the path, and a sandbox has no /usr/bin/env.
_useOurShell() {
  local file stamp shells='(/usr)?/bin/(env +)?((ba)?sh)\>'
  stamp=$(mktemp)
  # That there is none is no failure.
  { find . -type f -perm -0100 -print0 | xargs -0 -r grep -lZE -m 1 "^#! ?$shells" -- || true; } | while IFS= read -r -d '' file; do
    isScript "$file" || continue
    touch -r "$file" "$stamp"
    sed -i -E "1s@^#! ?$shells@#!${SHELL%/*}/\3@" "$file"
    touch -r "$stamp" "$file"
  done
  rm "$stamp"
}

_flags() { # NAME...: the words of these variables; an array NAMEArray keeps spaces
  local name array
  flagsArray=()
  for name in "$@"; do
    if [[ $(declare -p "$name" 2>/dev/null) == "declare -a"* ]]; then
      array="${name}[@]"
      flagsArray+=("${!array}")
    else
      local words=${!name-}
      flagsArray+=($words)
    fi
    array="${name}Array[@]"
    if declare -p "${name}Array" >/dev/null 2>&1; then flagsArray+=("${!array}"); fi
  done
}

configurePhase() {
  runHook preConfigure
  : "${configureScript=}"
  if [ -z "$configureScript" ] && [ -x ./configure ]; then configureScript=./configure; fi
  if [ -z "$configureScript" ]; then
    echo "no configure script, doing nothing"
    runHook postConfigure
    return
  fi
  # Nothing outside the inputs may be picked up as a run path or compared by time stamp.
  find . -name ltmain.sh -exec sed -i 's@sys_lib_search_path_spec=.*@sys_lib_search_path_spec=""@; s@dlsearch_path_spec=.*@dlsearch_path_spec=""@' {} \;
  find . -name configure -exec touch -r '{}' '{}.stamp' \; -exec sed -i 's@/usr/bin/file@file@g' {} \; -exec touch -r '{}.stamp' '{}' \; -exec rm '{}.stamp' \;
  local flags=()
  [ -n "${dontAddPrefix-}" ] || flags+=("${prefixKey:---prefix=}${prefix:-$out}")
  [ -n "${dontDisableStatic-}" ] || ! grep -q -- '--enable-static' "$configureScript" || flags+=(--disable-static)
  [ -n "${dontAddDisableDepTrack-}" ] || ! grep -q dependency-tracking "$configureScript" || flags+=(--disable-dependency-tracking)
  if [[ $outputs == *" "* ]] && [ -n "${setOutputFlags-1}" ] && grep -q -- '--includedir' "$configureScript"; then
    flags+=("--bindir=$(_outputFor bin out)/bin" "--sbindir=$(_outputFor bin out)/sbin" "--libdir=$(_outputFor lib out)/lib"
      "--includedir=$(_outputFor dev out)/include" "--mandir=$(_outputFor man doc out)/share/man" "--infodir=$(_outputFor info doc out)/share/info"
      "--docdir=$(_outputFor doc out)/share/doc/${pname:-$name}")
  fi
  _flags configureFlags
  flags+=("${flagsArray[@]}")
  echo "configure flags: ${flags[*]}"
  $configureScript "${flags[@]}"
  runHook postConfigure
}

_jobs() { [ -n "${enableParallelBuilding-1}" ] && echo "-j${NIX_BUILD_CORES:-1}"; return 0; }

buildPhase() {
  runHook preBuild
  if [ -z "${makeFlags-}${makefile-}" ] && ! [ -e Makefile ] && ! [ -e makefile ] && ! [ -e GNUmakefile ]; then
    echo "no Makefile, doing nothing"
  else
    _flags makeFlags buildFlags
    make ${makefile:+-f "$makefile"} $(_jobs) SHELL="$SHELL" "${flagsArray[@]}"
  fi
  runHook postBuild
}

checkPhase() {
  runHook preCheck
  local target=${checkTarget-}
  if [ -z "$target" ]; then
    if make -n ${makefile:+-f "$makefile"} check >/dev/null 2>&1; then target=check
    elif make -n ${makefile:+-f "$makefile"} test >/dev/null 2>&1; then target=test
    fi
  fi
  if [ -n "$target" ]; then
    _flags makeFlags checkFlags
    make ${makefile:+-f "$makefile"} $(_jobs) SHELL="$SHELL" "${flagsArray[@]}" $target
  fi
  runHook postCheck
}

installPhase() {
  runHook preInstall
  [ -z "${prefix:-${out-}}" ] || mkdir -p "${prefix:-$out}"
  _flags makeFlags installFlags
  make ${makefile:+-f "$makefile"} SHELL="$SHELL" "${flagsArray[@]}" ${installTargets:-install}
  runHook postInstall
}

fixupPhase() {
  local output
  for output in $outputs; do [ -e "${!output}" ] && chmod -R u+w "${!output}"; done
  runHook preFixup
  _splitOutputs
  for output in $outputs; do
    prefix=${!output}
    [ -d "$prefix" ] || continue
    _fixOutput "$prefix"
    runHook fixupOutput
  done
  unset prefix
  _recordPropagation
  runHook postFixup
}

# Headers, pkg-config files and manuals go to the outputs made for them.
_splitOutputs() {
  local dev man
  _moveTo() { # TARGET PATTERN...
    local target=$1 output pattern path
    shift
    for output in $outputs; do
      [ "${!output}" = "$target" ] && continue
      for pattern in "$@"; do
        for path in "${!output}"/$pattern; do
          local relative=${path#"${!output}"/}
          mkdir -p "$target/$(dirname "$relative")"
          if [ -d "$target/$relative" ]; then cp -a "$path"/. "$target/$relative/" && rm -r "$path"; else mv "$path" "$target/$relative"; fi
          rmdir --ignore-fail-on-non-empty -p "$(dirname "$path")" 2>/dev/null || true
        done
      done
    done
  }
  if [[ " $outputs " == *" dev "* ]]; then _moveTo "${dev:-$(_outputFor dev)}" include lib/pkgconfig share/pkgconfig lib/cmake share/aclocal; fi
  if [[ " $outputs " == *" man "* ]]; then _moveTo "$(_outputFor man)" share/man; fi
  if [[ " $outputs " == *" doc "* ]]; then _moveTo "$(_outputFor doc)" share/doc; fi
  if [[ " $outputs " == *" info "* ]]; then _moveTo "$(_outputFor info)" share/info; fi
}

_fixOutput() {
  local root=$1 file
  rm -f "$root/share/info/dir" "$root/lib/charset.alias"
  [ -n "${dontPruneLibtoolFiles-}" ] || find "$root" -name '*.la' -type f -delete
  if [ -z "${dontStrip-}" ] && command -v strip >/dev/null; then
    find "$root" -type f \( -path '*/bin/*' -o -path '*/sbin/*' -o -path '*/lib/*' -o -path '*/lib64/*' -o -path '*/libexec/*' \) -print0 | while IFS= read -r -d '' file; do
      if isELF "$file"; then
        case $file in *.o | *.ko) continue ;; esac
        strip --strip-unneeded --preserve-dates ${stripDebugFlags-} "$file" 2>/dev/null || true
      elif [[ $file == *.a ]]; then
        strip --strip-debug --enable-deterministic-archives "$file" 2>/dev/null || true
      fi
    done
  fi
  if [ -z "${dontPatchELF-}" ] && command -v patchelf >/dev/null; then
    find "$root" -type f \( -perm -0100 -o -name '*.so*' \) -print0 | while IFS= read -r -d '' file; do
      isELF "$file" || continue
      [ -n "$(patchelf --print-rpath "$file" 2>/dev/null)" ] || continue
      patchelf --shrink-rpath --allowed-rpath-prefixes "$NIX_STORE" "$file" 2>/dev/null || true
    done
  fi
  [ -n "${dontPatchShebangs-}" ] || patchShebangs --host "$root"
  [ -n "${keepBuildTools-}" ] || _forgetTools "$root"
  if [ -z "${dontGzipMan-}" ] && [ -d "$root/share/man" ]; then
    find "$root/share/man" -type f ! -name '*.gz' -print0 | xargs -0 -r gzip -9 -n
    find "$root/share/man" -type l ! -name '*.gz' -print0 | while IFS= read -r -d '' file; do
      ln -sfn "$(readlink "$file").gz" "$file.gz" && rm "$file"
    done
  fi
  if [ -d "$root/sbin" ] && ! [ -L "$root/sbin" ] && [ -z "${dontMoveSbin-}" ]; then
    mkdir -p "$root/bin"
    cp -a "$root/sbin"/. "$root/bin/" && rm -r "$root/sbin" && ln -s bin "$root/sbin"
  fi
}

# The interpreters of scripts become store paths; time stamps stay, so that make sees no news.
# patchShebangs [--build | --host] PATH...: with --host, as for what is installed, only what the inputs and tools from source
# bring counts, and what is installed itself. The seed's tools are for building; a script that needs one finds the machine's.
patchShebangs() {
  local file line interpreter words program stamp where=$PATH
  case ${1-} in
    --host) where=$inputPath:$(_outputFor bin out)/bin; shift ;;
    --*) shift ;;
  esac
  find "$@" -type f -perm -0100 -print0 | while IFS= read -r -d '' file; do
    isScript "$file" || continue
    IFS= read -r line < "$file" || true
    read -r interpreter words <<< "${line#'#!'}"
    if [[ $interpreter == "$NIX_STORE"/* ]]; then
      _isBuildTool "$interpreter" || continue
    fi
    if [[ $interpreter == */env ]]; then
      [[ $words == -S* ]] && words=${words#-S}
      read -r program words <<< "$words"
    else
      program=${interpreter##*/}
    fi
    [[ $program != *=* ]] || continue
    if ! interpreter=$(PATH=$where type -P "$program"); then
      case $line in
        *"$NIX_STORE"*) if [ "$program" = sh ]; then interpreter=/bin/sh; else interpreter="/usr/bin/env ${words:+-S }$program"; fi ;;
        *) continue ;;
      esac
    fi
    stamp=$(mktemp)
    touch -r "$file" "$stamp"
    chmod u+w "$file"
    sed -i "1s|.*|#!$interpreter${words:+ $words}|" "$file"
    touch -r "$stamp" "$file"
    rm "$stamp"
  done
}

# Whether a path lies in the compiler or the tools that everything is built with.
_isBuildTool() { [[ $1 =~ ^$NIX_STORE/[a-z0-9]{32}-(seed-toolchain|cc-wrapper) ]]; }

# What is installed forgets what it was built with, or every closure would hold the whole toolchain: in texts, a program
# goes by its name; elsewhere the digest is overwritten in place.
_forgetTools() {
  local file stamp
  stamp=$(mktemp)
  # That nothing was found is no failure.
  { find "$1" -type f -print0 | xargs -0 -r grep -lZE '[a-z0-9]{32}-(seed-toolchain|cc-wrapper)' || true; } | while IFS= read -r -d '' file; do
    touch -r "$file" "$stamp"
    if grep -qI . "$file"; then sed -E -i "s@$NIX_STORE/[a-z0-9]{32}-(seed-toolchain|cc-wrapper[^/]*)/bin/@@g" "$file"; fi
    sed -E -i 's@[a-z0-9]{32}-(seed-toolchain|cc-wrapper)@eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee-\1@g' "$file"
    touch -r "$stamp" "$file"
  done
  # Links to the tools would keep them as well.
  find "$1" -type l | while IFS= read -r file; do
    if _isBuildTool "$(readlink "$file")"; then rm "$file"; fi
  done
  rm "$stamp"
}

_recordPropagation() {
  local target
  target=$(_outputFor dev out)
  if [ -n "${propagatedBuildInputs-}" ]; then mkdir -p "$target/nix-support"; echo "$propagatedBuildInputs" > "$target/nix-support/propagated-build-inputs"; fi
  if [ -n "${propagatedNativeBuildInputs-}" ]; then mkdir -p "$target/nix-support"; echo "$propagatedNativeBuildInputs" > "$target/nix-support/propagated-native-build-inputs"; fi
  if [ -n "${setupHook-}" ]; then mkdir -p "$target/nix-support"; substituteAll "$setupHook" "$target/nix-support/setup-hook"; fi
}

installCheckPhase() {
  runHook preInstallCheck
  [ -z "${installCheckTarget-}" ] || make $installCheckTarget
  runHook postInstallCheck
}

runPhase() {
  local phase=$1
  case $phase in
    unpackPhase) [ -z "${dontUnpack-}" ] || return 0 ;;
    patchPhase) [ -z "${dontPatch-}" ] || return 0 ;;
    configurePhase) [ -z "${dontConfigure-}" ] || return 0 ;;
    buildPhase) [ -z "${dontBuild-}" ] || return 0 ;;
    checkPhase) [ -n "${doCheck-}" ] || return 0 ;;
    installPhase) [ -z "${dontInstall-}" ] || return 0 ;;
    fixupPhase) [ -z "${dontFixup-}" ] || return 0 ;;
    installCheckPhase) [ -n "${doInstallCheck-}" ] || return 0 ;;
  esac
  _phaseIs "$phase"
  # A variable of the derivation takes the place of the function.
  if [ -n "${!phase-}" ]; then eval "${!phase}"; else "$phase"; fi
  if [ "$phase" = unpackPhase ]; then cd -- "${sourceRoot:-.}"; fi
}

genericBuild() {
  local phase
  # A package that is one command has no phases.
  if [ -n "${buildCommandPath-}" ]; then source "$buildCommandPath"; return; fi
  if [ -n "${buildCommand-}" ]; then eval "$buildCommand"; return; fi
  for phase in ${phases:-${prePhases-} unpackPhase patchPhase ${preConfigurePhases-} configurePhase ${preBuildPhases-} buildPhase checkPhase ${preInstallPhases-} installPhase ${preFixupPhases-} fixupPhase installCheckPhase ${postPhases-}}; do
    runPhase "$phase"
  done
}

_setUpInputs
runHook postHook
# An interactive shell must not end at the first unset variable or failed command.
if [ -n "${IN_NIX_SHELL-}" ]; then set +eu +o pipefail; fi
