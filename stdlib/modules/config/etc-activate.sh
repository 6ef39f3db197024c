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
find "$etc" -path "$etc/static" -prune -o -type l -print | while IFS= read -r link; do
  case $(readlink "$link") in
    "$etc/static/"* | /etc/static/*) [ -e "$link" ] || [ -L "$etc/static/${link#"$etc"/}" ] || rm -f "$link" ;;
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

cd "$new"
find . -mindepth 1 \( -type l -o -type f \) | sed 's,^\./,,' | sort | while IFS= read -r file; do
  case $file in
    *.mode | *.uid | *.gid) [ -e "${file%.*}.mode" ] && continue ;;
  esac
  mkdir -p "$(dirname "$etc/$file")"
  if [ -e "$file.mode" ] && [ "$(cat "$file.mode")" != direct-symlink ]; then
    cp -L "$file" "$etc/$file.tmp"
    owner=$(cat "$file.uid") group=$(cat "$file.gid")
    chown "${owner#+}:${group#+}" "$etc/$file.tmp"
    chmod "$(cat "$file.mode")" "$etc/$file.tmp"
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
    ln -sfn "/etc/static/$file" "$etc/$file.tmp" && mv -Tf "$etc/$file.tmp" "$etc/$file"
  fi
done
mv -f "$list.tmp" "$list"
