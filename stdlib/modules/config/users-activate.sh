# Makes /etc/passwd, /etc/group and /etc/shadow what a specification says. Numbers that it does not give are given once and
# remembered, so that a name that comes back is the same user again.
#
# Usage: users-activate.sh SPECIFICATION mutable|fixed
#
# A line of the specification is one of (fields apart by tabs, "-" for nothing)
#   group NAME GID MEMBERS
#   user NAME UID GROUP HOME SHELL system|normal HOME-MODE PASSWORD INITIAL-PASSWORD PASSWORD-FILE DESCRIPTION
set -eu
spec=$1 kind=$2
etc=${FIRN_ETC:-/etc} state=${FIRN_STATE:-/var/lib/nixos}
umask 022
mkdir -p "$etc" "$state"
touch "$etc/passwd" "$etc/group" "$state/uid-map" "$state/gid-map" "$state/declared"
[ -e "$etc/shadow" ] || (umask 077 && : > "$etc/shadow")

tab=$(printf '\t')

# numbers MAP FILE: the number of each name on stdin (NAME WANTED FROM STEP LAST), one a line as NAME NUMBER.
# Order of choice: the wanted one, the one the name has, the one it had, the next free one.
numbers() {
  awk -F'[\t]' -v map="$1" -v file="$2" '
    BEGIN {
      while ((getline line < map) > 0) { split(line, f, "\t"); had[f[1]] = f[2]; used[f[2]] = f[1] }
      while ((getline line < file) > 0) { split(line, f, ":"); now[f[1]] = f[3]; used[f[3]] = f[1] }
    }
    { name[NR] = $1; want[NR] = $2; from[NR] = $3; step[NR] = $4; last[NR] = $5; if ($2 != "-") used[$2] = $1 }
    END {
      for (i = 1; i <= NR; i++) {
        n = name[i]
        if (want[i] != "-") id = want[i]
        else if (n in now && (used[now[n]] == n)) id = now[n]
        else if (n in had && (used[had[n]] == n)) id = had[n]
        else { id = from[i]; while ((id in used) && id != last[i]) id += step[i] }
        used[id] = n
        printf "%s\t%s\n", n, id
      }
    }'
}

# remember MAP: adds what is on stdin to a map of numbers.
remember() {
  { cat; cat "$1"; } | awk -F'\t' '!seen[$1]++' | sort > "$1.tmp"
  mv -f "$1.tmp" "$1"
}

publish() { # FILE MODE: stdin becomes the file at once
  (umask 077 && cat > "$1.tmp")
  chmod "$2" "$1.tmp"
  sync "$1.tmp" 2>/dev/null || true
  mv -f "$1.tmp" "$1"
}

# Groups. System numbers go down from 999, as those of services do everywhere.
awk -F'\t' '$1 == "group" { print $2 "\t" $3 "\t999\t-1\t400" }' "$spec" | numbers "$state/gid-map" "$etc/group" > "$state/gids"
remember "$state/gid-map" < "$state/gids"

declared=$(awk -F'\t' '{ print $1 ":" $2 }' "$spec" | tr '\n' ' ')
former=$(tr '\n' ' ' < "$state/declared")

# Entries of the machine's own: kept where users are mutable, unless a former configuration made them.
own() { # FILE KIND
  [ "$kind" = mutable ] || return 0
  awk -F: -v kind="$2" -v declared="$declared" -v former="$former" '
    BEGIN { n = split(declared, d, " "); for (i = 1; i <= n; i++) gone[d[i]] = 1; n = split(former, d, " "); for (i = 1; i <= n; i++) gone[d[i]] = 1 }
    !((kind ":" $1) in gone)' "$1"
}

{
  awk -F'\t' -v gids="$state/gids" -v old="$etc/group" -v kind="$kind" '
    BEGIN {
      while ((getline line < gids) > 0) { split(line, f, "\t"); gid[f[1]] = f[2] }
      while ((getline line < old) > 0) { split(line, f, ":"); before[f[1]] = f[4] }
    }
    $1 == "group" {
      members = $4 == "-" ? "" : $4
      if (kind == "mutable" && before[$2] != "") {
        n = split(members, m, ","); delete has; for (i = 1; i <= n; i++) has[m[i]] = 1
        n = split(before[$2], m, ","); for (i = 1; i <= n; i++) if (!(m[i] in has)) members = members (members == "" ? "" : ",") m[i]
      }
      print $2 ":x:" gid[$2] ":" members
    }' "$spec"
  own "$etc/group" group
} > "$state/group.new"

# Users: services down from 999, people up from 1000.
awk -F'\t' '$1 == "user" { print $2 "\t" $3 "\t" ($7 == "system" ? "999\t-1\t400" : "1000\t1\t29999") }' "$spec" \
  | numbers "$state/uid-map" "$etc/passwd" > "$state/uids"
remember "$state/uid-map" < "$state/uids"

{
  awk -F'\t' -v uids="$state/uids" -v groups="$state/group.new" '
    BEGIN {
      while ((getline line < uids) > 0) { split(line, f, "\t"); uid[f[1]] = f[2] }
      while ((getline line < groups) > 0) { split(line, f, ":"); gid[f[1]] = f[3] }
    }
    $1 == "user" { print $2 ":x:" uid[$2] ":" ($4 in gid ? gid[$4] : 65534) ":" ($12 == "-" ? "" : $12) ":" $5 ":" $6 }' "$spec"
  own "$etc/passwd" user
} > "$state/passwd.new"

# Passwords: a fixed one counts always, an initial one for new users, what the machine has otherwise.
{
  awk -F'\t' -v old="$etc/shadow" -v kind="$kind" '
    BEGIN { while ((getline line < old) > 0) { split(line, f, ":"); had[f[1]] = f[2]; rest[f[1]] = substr(line, length(f[1]) + length(f[2]) + 3) } }
    $1 == "user" {
      known = ($2 in had)
      # No password does; "!" would lock the account, for keys of ssh too.
      password = "*"
      if ($11 != "-") { if ((getline line < $11) > 0) password = line; close($11) }
      else if ($9 != "-") password = $9
      else if (known && kind == "mutable") password = had[$2]
      else if ($10 != "-") password = $10
      print $2 ":" password ":" (known && rest[$2] != "" ? rest[$2] : "1::::::")
    }' "$spec"
  own "$etc/shadow" user
} > "$state/shadow.new"

publish "$etc/group" 644 < "$state/group.new"
publish "$etc/passwd" 644 < "$state/passwd.new"
publish "$etc/shadow" 600 < "$state/shadow.new"
rm -f "$state/group.new" "$state/passwd.new" "$state/shadow.new"

# Home directories, made once.
awk -F'\t' '$1 == "user" && $8 != "-" { print $2 "\t" $4 "\t" $5 "\t" $8 }' "$spec" | while IFS=$tab read -r user group home mode; do
  [ -e "$home" ] && continue
  mkdir -p "$home"
  chmod "$mode" "$home"
  uid=$(awk -F: -v u="$user" '$1 == u { print $3 }' "$etc/passwd")
  gid=$(awk -F: -v u="$user" '$1 == u { print $4 }' "$etc/passwd")
  chown "$uid:$gid" "$home" 2>/dev/null || echo "warning: cannot give $home to $user" >&2
done

awk -F'\t' '{ print $1 ":" $2 }' "$spec" > "$state/declared"
