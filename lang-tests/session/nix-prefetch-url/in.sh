# Files and archives come into the store, and their hashes are told.
say() { echo "== $*"; }
{
mkdir -p $HOME/tree/top
echo contents > $HOME/file-1.0
echo inner > $HOME/tree/top/member
tar -C $HOME/tree -czf $HOME/archive.tar.gz top

say files
nix-prefetch-url file://$HOME/file-1.0
nix-prefetch-url --type md5 file://$HOME/file-1.0 2> /dev/null
hash=$(nix-prefetch-url file://$HOME/file-1.0 2> /dev/null)
nix-prefetch-url --print-path --name other file://$HOME/file-1.0 $hash
nix-prefetch-url --executable file://$HOME/file-1.0
nix-prefetch-url --name absent file://$HOME/file-1.0 0000000000000000000000000000000000000000000000000000
nix-prefetch-url --name 'a@b' file://$HOME/file-1.0

say archives
path=$(nix-prefetch-url --unpack --print-path file://$HOME/archive.tar.gz | tail -1)
cat $path/member
nix store prefetch-file --unpack --json file://$HOME/archive.tar.gz
echo '{ a = { urls = [ "file://'$HOME'/archive.tar.gz" ]; outputHashMode = "recursive"; }; }' > $HOME/fetch.nix
nix-prefetch-url -A a $HOME/fetch.nix
nix-prefetch-url
} 2>&1 | sed -E "s/[a-z0-9]{32}-/HASH-/g"
