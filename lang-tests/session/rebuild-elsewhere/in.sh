# A system goes to another machine over ssh and is switched to there; locally, whoever may become root does.
mkdir -p "$HOME/bin" && cd "$HOME"
cat > bin/ssh <<'END'
#!/bin/sh
# The other machine has the same store. What runs there but the store's server is shown.
case "$*" in
  *nix-store*--serve*) exec nix-store --serve --write ;;
  *) echo "ssh $*" ;;
esac
END
chmod +x bin/*
export PATH="$HOME/bin:$PATH" NIX_SSHOPTS="-p 2222"
echo hello > system
system=$(firn store add-path system)
run() { nixos-rebuild "$@" 2>&1 | sed 's/[a-z0-9]\{32\}-/HASH-/g'; }
run switch --store-path "$system" --target-host root@far
run boot --store-path "$system" --target-host far --sudo -S -p other
run test --store-path "$system" --target-host far --specialisation "it's" --no-ssh-tty
run switch --rollback --target-host far --elevate run0
run switch --elevate su
EDITOR=echo NIXOS_CONFIG=$HOME/here.nix run edit
