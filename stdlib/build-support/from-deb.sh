# Unpacks archives into $out and binds what they hold to it and to the run-time libraries. Sourced as a phase.
mkdir -p "$out"
for archive in $archives; do
  ar -p "$archive" data.tar.xz | xz -d | tar -x -C "$out" --no-same-owner --no-same-permissions
done
chmod -R u+w "$out"
cd "$out"

# One tree: what lies below usr moves up. The programs of both directories are in bin.
if [ -d usr ]; then
  cp -a --remove-destination usr/. .
  rm -rf usr
fi
if [ -d sbin ]; then
  mkdir -p bin
  cp -a sbin/. bin/
  rm -rf sbin
fi
[ ! -d bin ] || ln -s bin sbin
rm -rf share/doc share/lintian share/bug share/doc-base share/menu share/bash-completion share/locale share/man share/info lib/systemd/system-preset
rm -rf var run

# Absolute links point into this tree where it has what they name.
find . -type l | while read -r link; do
  target=$(readlink "$link")
  case $target in
    /usr/*) inside=${target#/usr} ;;
    /*) inside=$target ;;
    *) continue ;;
  esac
  if [ -e "$out$inside" ] || [ -L "$out$inside" ]; then ln -sfn "$out$inside" "$link"; fi
done

multiarch=$out/lib/x86_64-linux-gnu
rpath=$multiarch:$multiarch/systemd:$runtimeLibs/lib
loader=$runtimeLibs/lib/ld-linux-x86-64.so.2
find . -type f ! -name '*.ko' ! -path './boot/*' ! -path './lib/modules/*' ! -path './share/*' | while read -r file; do
  isELF "$file" || continue
  if patchelf --print-interpreter "$file" >/dev/null 2>&1; then
    patchelf --set-interpreter "$loader" --set-rpath "$rpath" "$file"
  elif [ "${file##*.so}" != "$file" ]; then
    patchelf --set-rpath "$rpath" "$file" 2>/dev/null || true
  fi
done

# Texts that name programs of this tree by their usual paths.
{ find etc lib/systemd lib/udev lib/tmpfiles.d lib/sysctl.d share/dbus-1 -type f 2>/dev/null || true; } | while read -r file; do
  ! isELF "$file" || continue
  { grep -ohE '(/usr)?/(bin|sbin|lib)/[A-Za-z0-9._@/+-]+' "$file" 2>/dev/null || true; } | sort -ru | while read -r path; do
    inside=/${path#/}
    inside=${inside#/usr}
    [ -f "$out$inside" ] || continue
    quoted=$(printf '%s' "$path" | sed 's/[.[\*^$+]/\\&/g')
    sed -i -E "s@(^|[^A-Za-z0-9._/])$quoted(\$|[^A-Za-z0-9._/-])@\\1$out$inside\\2@g" "$file"
  done
done
# Scripts run in the shell of the system, not in the one that they were unpacked with.
for folder in bin lib libexec; do [ ! -d $folder ] || patchShebangs --host $folder; done

eval "$postInstall"
