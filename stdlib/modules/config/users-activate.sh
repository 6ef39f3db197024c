# Makes /etc/passwd, /etc/group and /etc/shadow what a specification says. Numbers that it does not give are given once and
# remembered, so that a name that comes back is the same user again.
#
# Usage: users-activate.sh SPECIFICATION mutable|fixed
#
# A line of the specification is one of (fields apart by tabs, "-" for nothing)
#   group NAME GID MEMBERS
#   user NAME UID GROUP HOME SHELL system|normal HOME-MODE PASSWORD INITIAL-PASSWORD PASSWORD-FILE DESCRIPTION
#
# A process takes long where the processor is emulated, and this is part of every boot: one program writes all files.
set -eu
spec=$1 kind=$2
etc=${FIRN_ETC:-/etc} state=${FIRN_STATE:-/var/lib/nixos}
umask 022
mkdir -p "$etc/.users" "$state/.users"
for file in "$etc/passwd" "$etc/group" "$state/uid-map" "$state/gid-map" "$state/declared"; do [ -e "$file" ] || : > "$file"; done
[ -e "$etc/shadow" ] || (umask 077 && : > "$etc/shadow")

(umask 077 && exec awk -F'\t' -v etc="$etc" -v state="$state" -v mutable="$([ "$kind" != mutable ] || echo 1)" '
  # The lines of a file, by number.
  function lines_of(file, lines,    n) {
    n = 0
    while ((getline line < file) > 0) lines[++n] = line
    close(file)
    return n
  }
  # The numbers that a map and a file of the machine have given: had, now, used.
  function given(map, file,    n, i, f) {
    split("", had); split("", now); split("", used)
    n = lines_of(map, lines)
    for (i = 1; i <= n; i++) { split(lines[i], f, "\t"); had[f[1]] = f[2]; used[f[2]] = f[1] }
    n = lines_of(file, lines)
    for (i = 1; i <= n; i++) { split(lines[i], f, ":"); now[f[1]] = f[3]; used[f[3]] = f[1] }
  }
  # Order of choice: the wanted number, the one the name has, the one it had, the next free one.
  function number(name, want, from, step, last,    id) {
    if (want != "-") id = want
    else if (name in now && used[now[name]] == name) id = now[name]
    else if (name in had && used[had[name]] == name) id = had[name]
    else { id = from; while ((id in used) && id != last) id += step }
    used[id] = name
    return id
  }
  # A map with what was given now before what it had.
  function remember(map, names, n, ids,    i, count, seen, f, new) {
    new = state "/.users/" map
    printf "" > new
    for (i = 1; i <= n; i++) if (!(names[i] in seen)) { seen[names[i]]; print names[i] "\t" ids[names[i]] > new }
    count = lines_of(state "/" map, lines)
    for (i = 1; i <= count; i++) { split(lines[i], f, "\t"); if (!(f[1] in seen)) { seen[f[1]]; print lines[i] > new } }
    close(new)
  }
  # Entries of the machine itself: kept where users are mutable, unless a configuration made them.
  function keep_own(file, what, new,    n, i, f) {
    if (!mutable) return
    n = lines_of(etc "/" file, lines)
    for (i = 1; i <= n; i++) {
      split(lines[i], f, ":")
      if ((what ":" f[1]) in gone) continue
      print lines[i] > new
      if (what == "group") gid[f[1]] = f[3]
    }
  }

  { gone[$1 ":" $2]; declared[++n_declared] = $1 ":" $2 }
  $1 == "group" { group[++n_groups] = $2; group_want[n_groups] = $3; members[n_groups] = $4 == "-" ? "" : $4 }
  $1 == "user" { user[++n_users] = $2; record[n_users] = $0 }

  END {
    n = lines_of(state "/declared", former)
    for (i = 1; i <= n; i++) gone[former[i]]

    # Groups. System numbers go down from 999, as those of services do everywhere.
    given(state "/gid-map", etc "/group")
    for (i = 1; i <= n_groups; i++) if (group_want[i] != "-") used[group_want[i]] = group[i]
    for (i = 1; i <= n_groups; i++) gid[group[i]] = number(group[i], group_want[i], 999, -1, 400)
    remember("gid-map", group, n_groups, gid)
    n = lines_of(etc "/group", lines)
    for (i = 1; i <= n; i++) { split(lines[i], f, ":"); before[f[1]] = f[4] }
    new = etc "/.users/group"
    printf "" > new
    for (i = 1; i <= n_groups; i++) {
      all = members[i]
      if (mutable && before[group[i]] != "") {
        split("", has)
        n = split(all, m, ","); for (j = 1; j <= n; j++) has[m[j]]
        n = split(before[group[i]], m, ","); for (j = 1; j <= n; j++) if (!(m[j] in has)) all = all (all == "" ? "" : ",") m[j]
      }
      print group[i] ":x:" gid[group[i]] ":" all > new
    }
    keep_own("group", "group", new)
    close(new)

    # Users: services down from 999, people up from 1000.
    given(state "/uid-map", etc "/passwd")
    for (i = 1; i <= n_users; i++) { split(record[i], f, "\t"); if (f[3] != "-") used[f[3]] = f[2] }
    for (i = 1; i <= n_users; i++) {
      split(record[i], f, "\t")
      uid[f[2]] = f[7] == "system" ? number(f[2], f[3], 999, -1, 400) : number(f[2], f[3], 1000, 1, 29999)
    }
    remember("uid-map", user, n_users, uid)

    # Passwords: a fixed one counts always, an initial one for new users, what the machine has otherwise.
    n = lines_of(etc "/shadow", lines)
    for (i = 1; i <= n; i++) { split(lines[i], f, ":"); password_of[f[1]] = f[2]; rest[f[1]] = substr(lines[i], length(f[1]) + length(f[2]) + 3) }
    passwd = etc "/.users/passwd"; shadow = etc "/.users/shadow"; homes = state "/.users/homes"
    printf "" > passwd; printf "" > shadow; printf "" > homes
    for (i = 1; i <= n_users; i++) {
      split(record[i], f, "\t")
      name = f[2]
      primary = f[4] in gid ? gid[f[4]] : 65534
      print name ":x:" uid[name] ":" primary ":" (f[12] == "-" ? "" : f[12]) ":" f[5] ":" f[6] > passwd
      known = name in password_of
      # No password does; "!" would lock the account, for keys of ssh too.
      password = "*"
      if (f[11] != "-") { if ((getline line < f[11]) > 0) password = line; close(f[11]) }
      else if (f[9] != "-") password = f[9]
      else if (known && mutable) password = password_of[name]
      else if (f[10] != "-") password = f[10]
      print name ":" password ":" (known && rest[name] != "" ? rest[name] : "1::::::") > shadow
      if (f[8] != "-") print f[8] "\t" uid[name] ":" primary "\t" name "\t" f[5] > homes
    }
    keep_own("passwd", "user", passwd)
    keep_own("shadow", "user", shadow)
    new = state "/.users/declared"
    printf "" > new
    for (i = 1; i <= n_declared; i++) print declared[i] > new
  }' "$spec")

# Each file changes at once.
chmod 644 "$etc/.users/group" "$etc/.users/passwd" "$state/.users/"*
sync "$etc/.users/group" "$etc/.users/passwd" "$etc/.users/shadow" 2>/dev/null || true
mv -f -t "$etc" "$etc/.users/group" "$etc/.users/passwd" "$etc/.users/shadow"
mv -f -t "$state" "$state/.users/uid-map" "$state/.users/gid-map"

# Home directories, made once.
while IFS=$'\t' read -r mode owner user home; do
  [ -e "$home" ] && continue
  mkdir -p "$home"
  chmod "$mode" "$home"
  chown "$owner" "$home" 2>/dev/null || echo "warning: cannot give $home to $user" >&2
done < "$state/.users/homes"

mv -f "$state/.users/declared" "$state/declared"
rm -rf "$etc/.users" "$state/.users"
