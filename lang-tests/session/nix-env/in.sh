# Packages come and go; user environments, queries and generations follow.
say() { echo "== $*"; }
profile=$HOME/profile
env() { nix-env -p "$profile" -f packages.nix "$@"; }
{

say available
nix-env -f packages.nix -qaP --system --description
nix-env -f packages.nix -qa --xml --meta other
nix-env -f packages.nix -qa --json tool-1.0
nix-env -f packages.nix -qa --system-filter i686-linux
nix-env -f packages.nix -qa too
nix-env -f packages.nix -qa -A group

say install
env -i tool-1.0
env -i other
cat $profile/bin/tool $profile/bin/other
cat $profile/manifest.nix
echo
env -qs --out-path
env -qc
env -qas tool

say upgrade
env -u --dry-run
env -u
env -q
env --set-flag priority 3 tool
env --set-flag keep true other
env -i -A preview
cat $profile/bin/tool
env -i --preserve-installed -A new
env -iE 'all: all.other' --remove-all
env -q

say generations
env --rollback
env --list-generations
env -G 1
env -q
env --delete-generations 2 3
env --delete-generations 1
env --delete-generations old
env -G 2

say uninstall
env -e nothing 'o.*'
env -q
env --set tool-2.0
cat $profile/bin/tool
} 2>&1 | sed -E "s/[a-z0-9]{32}-/HASH-/g; s/[0-9]{4}-[0-9-]+ [0-9:]{8}/TIME/"
