# A channel is subscribed to, unpacked, searched and given up.
say() { echo "== $*"; }
{
channel=$HOME/channel/mine-1.2
mkdir -p $channel $HOME/tree/mine
cat > $HOME/tree/mine/default.nix <<'END'
{ thing = derivation { name = "thing-7"; system = "any"; builder = "none"; }; }
END
tar -C $HOME/tree -czf $channel/nixexprs.tar.xz mine

say subscribe
nix-channel --add ftp://example.org/x
nix-channel --add file://$channel mine
nix-channel --add https://example.org/nixos-unstable
nix-channel --list
nix-channel --remove nixos
nix-channel --list

say update
nix-channel --update
nix-env -p $HOME/.nix-defexpr/channels -q
nix-env -qaP
nix-instantiate --eval -E '(import <mine>).thing.name'
nix-channel --update nothing
nix-channel --list-generations | wc -l
nix-channel --rollback 1
nix-channel
} 2>&1 | sed -E "s/[a-z0-9]{32}-/HASH-/g"
