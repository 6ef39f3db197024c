# Packages of a flake come, clash, are brought up to date and go.
say() { echo "== $*"; }
{
flake=$HOME/flake
mkdir $flake
cp flake.nix $flake
printf 1.0 > $flake/version

say add
firn profile add $flake
cat $HOME/.nix-profile/bin/tool
firn profile add $flake
firn profile add $flake#rival
firn profile add $flake#quiet
firn profile list
nix profile list
nix profile list --json

say upgrade
printf 2.0 > $flake/version
firn profile upgrade tool nothing
firn profile upgrade flake
cat $HOME/.nix-profile/bin/tool

say remove
firn profile remove --regex '.*#packages.*QUIET'
firn profile remove 1
firn profile remove --all x
nix profile history
nix profile diff-closures
firn profile rollback
firn profile wipe-history
firn profile remove --all
firn profile list

say both kinds
nix-env -p $HOME/.nix-profile -e tool
firn build $flake --profile $HOME/other --no-link
cat $HOME/other/bin/tool
} 2>&1 | sed -E "s/[a-z0-9]{32}-/HASH-/g; s/narHash=[^&\"' ]*/narHash=HASH/g; s/lastModified=[0-9]*&?//g; s/\([0-9-]{10}\)/(DATE)/"
