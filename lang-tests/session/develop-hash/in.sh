# The hash of an environment follows from what it is made of, and is told where a command's output is not disturbed.
cd "$HOME"
cat > shell.nix <<'END'
{ value }: derivation { name = "shell"; system = builtins.currentSystem; builder = "/bin/bash"; VALUE = value; }
END
hash() { firn develop -f shell.nix --argstr value "$1" --print-hash 2>/dev/null; }
one=$(hash one); two=$(hash two)
[ "${#one}" = 32 ] && [ "$one" != "$two" ] && [ "$one" = "$(hash one)" ] && echo "a hash for each environment"
firn develop -f shell.nix --argstr value one --print-hash -c sh -c 'echo "$VALUE"; exit 7' 2> told
echo "the command ended with $?"
[ "$(cat told)" = "environment $one" ] && echo "and the hash went to standard error"
