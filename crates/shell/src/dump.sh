# Sets a derivation's environment up as its builder would, and writes what bash then knows to the
# outputs: records of texts that end in NUL, read by `Environment::parse`. All outputs have to
# exist; the first one gets the records.
set -e

if [[ -e ${NIX_ATTRS_SH_FILE-} ]]; then
    source "$NIX_ATTRS_SH_FILE"
    for __firn_name in "${!outputs[@]}"; do
        declare -gx "$__firn_name=${outputs[$__firn_name]}"
    done
    __firn_outputs=("${outputs[@]}")
else
    __firn_outputs=()
    for __firn_name in ${outputs-out}; do
        __firn_outputs+=("${!__firn_name}")
    done
fi

export IN_NIX_SHELL=impure
export dontAddDisableDepTrack=1

if [[ -n ${stdenv-} ]]; then
    source "$stdenv/setup"
fi

set +eu
for __firn_name in "${__firn_outputs[@]}"; do
    : >"$__firn_name"
done
{
    printf 'firn-environment\0variables\0'
    declare -p
    printf '\0'
    while read -r __firn_name __firn_name __firn_name; do
        printf 'function\0%s\0' "$__firn_name"
        declare -f -- "$__firn_name"
        printf '\0'
    done <<<"$(declare -F)"
    if [[ -e ${NIX_ATTRS_JSON_FILE-} ]]; then
        printf '.attrs.json\0%s\0' "$(<"$NIX_ATTRS_JSON_FILE")"
        printf '.attrs.sh\0%s\0' "$(<"$NIX_ATTRS_SH_FILE")"
    fi
} >"${__firn_outputs[0]}"
exit 0
