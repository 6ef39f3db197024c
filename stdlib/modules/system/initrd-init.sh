#!/bin/sh
# The first process of all: finds the file systems of the machine and hands over to its own init.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm /run
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run

init=/nix/var/nix/profiles/system/init
shell=
for word in $(cat /proc/cmdline); do
  case $word in
    init=*) init=${word#init=} ;;
    initrd.shell | boot.shell_on_fail) shell=1 ;;
  esac
done

fail() {
  echo "initrd: $1" >&2
  [ -z "$shell" ] || sh
  sleep 5
  reboot -f
}

while read -r module; do [ -z "$module" ] || modprobe "$module" 2>/dev/null; done < /etc/modules

# Devices appear when they are ready; the oldest systems wait half a minute.
find_device() {
  local tries=0 found
  case $1 in
    /dev/disk/by-label/*) set -- "$1" "LABEL=${1#/dev/disk/by-label/}" ;;
    /dev/disk/by-uuid/*) set -- "$1" "UUID=${1#/dev/disk/by-uuid/}" ;;
    *) set -- "$1" "" ;;
  esac
  while :; do
    if [ -e "$1" ]; then echo "$1"; return; fi
    if [ -n "$2" ] && found=$(findfs "$2" 2>/dev/null); then echo "$found"; return; fi
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || return 1
    sleep 0.1
  done
}

# Lines of: mount point, device, kind, options.
while read -r point device kind options; do
  [ -n "$point" ] || continue
  modprobe "$kind" 2>/dev/null
  mkdir -p "/sysroot$point"
  case $kind in
    tmpfs | overlay | virtiofs | 9p) source=$device ;;
    none | bind) source=/sysroot$device kind=none ;;
    *) source=$(find_device "$device") || fail "$device for $point did not appear" ;;
  esac
  case $kind in
    # The directories of an overlay are on the machine's own root.
    overlay)
      options=$(echo "$options" | sed 's,\(lowerdir\|upperdir\|workdir\)=/,\1=/sysroot/,g')
      for part in $(echo "$options" | tr , ' '); do
        case $part in upperdir=* | workdir=*) mkdir -p "${part#*=}" ;; esac
      done ;;
  esac
  # `auto` tries what the kernel knows.
  if [ "$kind" = auto ]; then set -- ; else set -- -t "$kind"; fi
  mount "$@" -o "$options" "$source" "/sysroot$point" || fail "cannot mount $device at $point"
done < /etc/mounts

[ -x "/sysroot$init" ] || [ -L "/sysroot$init" ] || fail "there is no $init"
for point in proc sys dev run; do
  mkdir -p "/sysroot/$point"
  mount -o move "/$point" "/sysroot/$point"
done
exec switch_root /sysroot "$init"
