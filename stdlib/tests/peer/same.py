"""Whether two implementations came to the same: `same.py [--contents] OURS THEIRS`.

The files hold sets by name; with `--contents`, what `path-info --json` printed, of which hashes and references count.
"""

import json
import sys


def read(path, contents):
    with open(path) as file:
        values = json.load(file)
    if not contents:
        return values
    values = values.get("info", values)
    return {
        path.rsplit("/")[-1]: (info["narHash"], info["narSize"], sorted(it.rsplit("/")[-1] for it in info["references"]))
        for path, info in values.items()
    }


*flags, first, second = sys.argv[1:]
ours, theirs = (read(path, "--contents" in flags) for path in (first, second))
differing = [name for name in sorted(ours.keys() | theirs.keys()) if ours.get(name) != theirs.get(name)]
for name in differing:
    print(f"{name}: {ours.get(name)} here, {theirs.get(name)} there", file=sys.stderr)
if differing:
    sys.exit(1)
print(f"{len(ours)} of {len(ours)} are the same: {' '.join(sorted(ours))[:200]}")
