# Puts the files of a system into /etc: links through /etc/static, so that changing one link changes them all at once, and
# copies of those that have a mode of their own. What a former system had there and this one has not is taken away.
#
# Usage: etc-activate.sh STORE-DIRECTORY
set -eu
new=$1
etc=${FIRN_ETC:-/etc}

mkdir -p "$etc"
ln -sfn "$new" "$etc/static.tmp"
mv -Tf "$etc/static.tmp" "$etc/static"

# Links into /etc/static whose file is gone.
find "$etc" -path "$etc/static" -prune -o -type l -printf '%P\t%l\n' | while IFS=$'\t' read -r link to; do
  case $to in
    "$etc/static/"* | /etc/static/*) [ -e "$etc/$link" ] || [ -L "$etc/static/$link" ] || rm -f "$etc/$link" ;;
  esac
done

# Copies that are not wanted any more; the list is kept beside them.
list=$etc/.clean
if [ -e "$list" ]; then
  while IFS= read -r file; do
    [ -e "$new/$file.mode" ] || rm -f "$etc/$file"
  done < "$list"
fi
: > "$list.tmp"

# A process takes long where the processor is emulated, and a machine has many files: links that are right are left alone,
# and new ones are made by the directory.
find "$etc" -path "$etc/static" -prune -o -type l -printf '%P\t%l\n' > "$list.links"
declare -A target=()
while IFS=$'\t' read -r link to; do target[$link]=$to; done < "$list.links"
rm -f "$list.links"
declare -A fresh=()

cd "$new"
# Likewise all new directories; where a link is, what follows decides.
missing=()
while IFS= read -r directory; do
  [ -e "$etc/$directory" ] || [ -L "$etc/$directory" ] || missing+=("$etc/$directory")
done <<< "$(find . -mindepth 1 -type d -printf '%P\n')"
[ "${#missing[@]}" = 0 ] || mkdir -p "${missing[@]}"
find . -mindepth 1 \( -type l -o -type f \) -printf '%P\n' | sort > "$list.files"
while IFS= read -r file; do
  case $file in
    *.mode | *.uid | *.gid) [ -e "${file%.*}.mode" ] && continue ;;
  esac
  [ "${target[$file]-}" != "/etc/static/$file" ] || [ -e "$file.mode" ] || continue
  case $file in */*) directory=$etc/${file%/*} ;; *) directory=$etc ;; esac
  if [ "$directory" != "$etc" ] && [ "${target[${file%/*}]-}" = "/etc/static/${file%/*}" ]; then
    # One link of the former system that is a directory now.
    rm -f "$directory"
    unset "target[${file%/*}]"
  fi
  [ -d "$directory" ] || mkdir -p "$directory"
  if [ -e "$file.mode" ] && [ "$(< "$file.mode")" != direct-symlink ]; then
    cp -L "$file" "$etc/$file.tmp"
    owner=$(< "$file.uid") group=$(< "$file.gid")
    chown "${owner#+}:${group#+}" "$etc/$file.tmp"
    chmod "$(< "$file.mode")" "$etc/$file.tmp"
    mv -Tf "$etc/$file.tmp" "$etc/$file"
    echo "$file" >> "$list.tmp"
  elif [ -e "$file.mode" ]; then
    ln -sfn "$(readlink -f "$file")" "$etc/$file.tmp" && mv -Tf "$etc/$file.tmp" "$etc/$file"
  else
    if [ -d "$etc/$file" ] && [ ! -L "$etc/$file" ]; then
      # A directory of the former system that is one link now.
      find "$etc/$file" -type l -delete
      find "$etc/$file" -depth -type d -empty -delete
      [ ! -d "$etc/$file" ] || { echo "warning: $etc/$file is in the way and is kept" >&2; continue; }
    fi
    if [ -e "$etc/$file" ] || [ -L "$etc/$file" ]; then
      ln -sfn "/etc/static/$file" "$etc/$file.tmp" && mv -Tf "$etc/$file.tmp" "$etc/$file"
    else
      fresh[$directory]+=/etc/static/$file$'\n'
    fi
  fi
done < "$list.files"
rm -f "$list.files"
for directory in "${!fresh[@]}"; do
  mapfile -t links <<< "${fresh[$directory]%$'\n'}"
  ln -s -t "$directory" "${links[@]}"
done
mv -f "$list.tmp" "$list"
