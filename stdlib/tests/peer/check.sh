#!/usr/bin/env bash
# check.sh FIRN NIX...: another implementation builds `hello` from this library and comes to the same. NIX... is the command
# that runs its `nix`; it must see this folder and the temporary one by the same paths. Every derivation has to have the same
# store path there and here, and what it builds, in a store of its own, the same contents.
#
# ATTRIBUTE names another package; `bootstrap.locales` takes a second.
#
# It has no mirrors and no `builtin:unpack-deb`: sources come by their hashes from a server on the loopback interface, and
# the seed is copied.
set -euo pipefail
firn=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
library=$(cd "$here/../.." && pwd)
attribute=${ATTRIBUTE-hello}
peer=("$@")
scratch=$(mktemp -d)
server=
stop() {
  [ -z "$server" ] || kill "$server"
  chmod -R u+w "$scratch"
  rm -rf "$scratch"
}
trap stop EXIT

ours() { "$firn" "$@"; }
theirs() { "${peer[@]}" --extra-experimental-features nix-command --store "$scratch/peer" --option substituters "" "$@"; }

# All packages, without building any.
ours eval --json -f "$here/drv-paths.nix" > "$scratch/ours"
theirs eval --json --impure -f "$here/drv-paths.nix" > "$scratch/theirs"
python3 "$here/same.py" "$scratch/ours" "$scratch/theirs"

seed=$(ours build -f "$library" bootstrap.seed.busybox --no-link --print-out-paths)
ours copy --no-check-sigs --to "file://$scratch/cache" "$seed"
theirs copy --no-check-sigs --from "file://$scratch/cache" "$seed"

out=$(ours build -f "$library" "$attribute" --no-link --print-out-paths)
ours derivation show --recursive -f "$library" "$attribute" > "$scratch/derivations"
python3 "$here/serve.py" "$scratch/derivations" > "$scratch/address" &
server=$!
while ! [ -s "$scratch/address" ]; do
  kill -0 "$server"
  sleep 0.1
done

theirs build -f "$library" "$attribute" --no-link --print-out-paths \
  --option hashed-mirrors "$(cat "$scratch/address")" --option build-users-group "" \
  --option sandbox true --option sandbox-fallback false > "$scratch/built"
[ "$(cat "$scratch/built")" = "$out" ]

for each in ours theirs; do
  $each path-info --json --json-format 1 --recursive "$out" > "$scratch/$each"
done
python3 "$here/same.py" --contents "$scratch/ours" "$scratch/theirs"
