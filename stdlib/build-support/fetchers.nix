/**
  Sources that are not one file: archives unpacked, repositories, patches.

  Archives and repositories are fetched by the evaluator, since what their hash is of, the unpacked tree, no builder of the
  seed could make from the network. A patch is a file like any other, cleaned of what changes from one download to the next.
*/
{
  lib,
  fetchurl,
  stdenvNoCC,
}:

rec {
  /**
    An archive, unpacked. The hash is of the tree.

    # Type
    `{ url | urls, hash | sha256, name ? } -> path`
  */
  fetchzip =
    {
      url ? builtins.head urls,
      urls ? [ url ],
      hash ? "",
      sha256 ? "",
      name ? "source",
      passthru ? { },
    }:
    builtins.fetchTarball {
      inherit url name;
      sha256 = if hash != "" then hash else sha256;
    };

  /** Like `fetchzip`; the name that other expressions know it by. */
  fetchTarball = fetchzip;

  /**
    A git repository at a revision.

    # Type
    `{ url, rev, ref ?, fetchSubmodules ?, name ? } -> path`
  */
  fetchgit =
    {
      url,
      rev,
      ref ? null,
      fetchSubmodules ? false,
      allRefs ? ref == null,
      name ? "source",
      hash ? null,
    }:
    builtins.fetchGit (
      {
        inherit
          url
          rev
          name
          allRefs
          ;
        submodules = fetchSubmodules;
        shallow = false;
      }
      // lib.optionalAttrs (ref != null) { inherit ref; }
      // lib.optionalAttrs (hash != null) { narHash = hash; }
    );

  /**
    A repository at a forge, at a revision or tag, as the archive that the forge makes of it.

    # Type
    `{ owner, repo, rev | tag, hash, domain ? } -> path`
  */
  fetchFromGitHub =
    {
      owner,
      repo,
      rev ? null,
      tag ? null,
      hash ? "",
      sha256 ? "",
      domain ? "github.com",
      name ? "source",
    }:
    fetchzip {
      inherit hash sha256 name;
      url = "https://${domain}/${owner}/${repo}/archive/${
        if tag != null then "refs/tags/${tag}" else lib.sources.revOrTag rev tag
      }.tar.gz";
    };

  /**
    A patch, with its files in order and without the lines that name revisions. The hash is of the file as it is
    downloaded.

    # Type
    `{ url, hash, name ?, stripLen ?, extraPrefix ?, excludes ?, includes ? } -> derivation`
  */
  fetchpatch =
    {
      url,
      hash ? "",
      sha256 ? "",
      name ? baseNameOf url,
      stripLen ? 0,
      extraPrefix ? null,
      excludes ? [ ],
      includes ? [ ],
      postFetch ? "",
    }:
    stdenvNoCC.mkDerivation {
      inherit name postFetch;
      src = fetchurl { inherit url hash sha256; };
      phases = [ "installPhase" ];
      installPhase = ''
        strip=${toString stripLen} prefix=${lib.escapeShellArg (if extraPrefix == null then "-" else extraPrefix)}
        # One file a time: the path without its first parts, with the prefix in front; chosen or left out by pattern.
        awk -v strip="$strip" -v prefix="$prefix" '
          function path(p,   i) {
            if (p == "/dev/null") return p
            sub(/\t.*/, "", p)
            side = substr(p, 1, 2)
            sub(/^[ab]\//, "", p)
            for (i = 0; i < strip; i++) sub(/^[^\/]*\//, "", p)
            if (prefix != "-") p = prefix p
            return (side == "a/" || side == "b/" ? side : "a/") p
          }
          /^(index|similarity index|dissimilarity index|From |Date:|Subject:) ?/ && !inHunk { next }
          /^diff / { inHunk = 0; inFile = 1; next }
          /^--- / && !inHunk { print "--- " path(substr($0, 5)); inFile = 1; next }
          /^\+\+\+ / && !inHunk { print "+++ " path(substr($0, 5)); next }
          /^@@ / { inHunk = 1 }
          inHunk && /^-- $/ { inHunk = 0; inFile = 0; next }
          inHunk { print }
        ' "$src" > clean
        if [ -n "${toString (includes != [ ] || excludes != [ ])}" ]; then
          awk -v includes=${lib.escapeShellArg (lib.concatStringsSep " " includes)} -v excludes=${lib.escapeShellArg (lib.concatStringsSep " " excludes)} '
            function fits(p, list,   n, l, i, re) {
              n = split(list, l, " ")
              for (i = 1; i <= n; i++) {
                re = l[i]; gsub(/[.+^$(){}|]/, "\\\\&", re); gsub(/\*/, ".*", re); gsub(/\?/, ".", re)
                if (p ~ ("^" re "$")) return 1
              }
              return 0
            }
            /^--- / { held = $0; next }
            /^\+\+\+ / { p = substr($0, 7); keep = (includes == "" || fits(p, includes)) && !(excludes != "" && fits(p, excludes)); if (keep) { print held; print }; next }
            keep { print }
          ' clean > chosen
          mv chosen clean
        fi
        [ -s clean ] || { echo "nothing is left of the patch" >&2; exit 1; }
        eval "$postFetch"
        cp clean $out
      '';
    };
}
