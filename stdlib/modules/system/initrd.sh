# Makes an initrd: a static busybox, modules of the kernel with what they need, and a short init.
#
# Environment: busybox, kernel, modules (names), tables (a file each: what to mount, what to load), init (the script), out
set -eu
root=$NIX_BUILD_TOP/root
mkdir -p "$root"/bin "$root"/dev "$root"/proc "$root"/sys "$root"/sysroot "$root"/etc
cp "$busybox/bin/busybox" "$root/bin/busybox"
for applet in sh mount umount mkdir modprobe insmod sleep switch_root cat ls ln mknod echo grep cut findfs blkid test tr reboot poweroff; do
  ln -s busybox "$root/bin/$applet"
done
cp "$init" "$root/init"
chmod +x "$root/init"
cp "$mounts" "$root/etc/mounts"
printf '%s\n' $loaded > "$root/etc/modules"

release=$(cd "$kernel/lib/modules" && echo *)
tree=$kernel/lib/modules/$release
mkdir -p "$root/lib/modules/$release"

# need MODULE: copies a module and what modules.dep says it needs. A name that the kernel has built in, or has not, is
# passed over.
need() {
  local name=${1//-/_} line file dep
  line=$(sed 's,-,_,g' "$tree/modules.dep" | grep -nE "(^|/)$name\\.ko(\\.[a-z]+)?:" | head -n 1 | cut -d: -f1) || true
  [ -n "$line" ] || return 0
  line=$(sed -n "${line}p" "$tree/modules.dep")
  file=${line%%:*}
  [ ! -e "$root/lib/modules/$release/$file" ] || return 0
  mkdir -p "$root/lib/modules/$release/$(dirname "$file")"
  cp "$tree/$file" "$root/lib/modules/$release/$file"
  for dep in ${line#*:}; do
    dep=${dep##*/}
    need "${dep%%.ko*}"
  done
}
for module in $modules $loaded; do need "$module"; done
cp "$tree/modules.order" "$tree/modules.builtin" "$root/lib/modules/$release/" 2>/dev/null || true
"$busybox/bin/busybox" depmod -b "$root" "$release"

mkdir -p "$out"
cd "$root"
find . -exec touch -h -d @1 {} +
find . | sort | "$busybox/bin/busybox" cpio -o -H newc -R 0:0 2>/dev/null | gzip -9n > "$out/initrd"
