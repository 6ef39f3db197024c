/**
  Sources taken from directories, with filters that say what belongs.
*/
{ lib }:
let
  inherit (builtins)
    any
    match
    pathExists
    readFile
    ;

  # What a cleaned source consists of: the first path, the filters combined,
  # and the name.
  parts =
    src:
    if src ? _isLibCleanSourceWith then
      {
        inherit (src) origSrc filter name;
      }
    else
      {
        origSrc = src;
        filter = _: _: true;
        name = "source";
      };

  # { value } or { error }.
  commitOf =
    gitDir:
    let
      readRef =
        dir: ref:
        let
          file = "${dir}/${ref}";
          text = lib.fileContents file;
          symbolic = match "ref: (.*)" text;
          packed = "${dir}/packed-refs";
          common = "${dir}/commondir";
          packedRefs = builtins.filter builtins.isString (builtins.split "\n" (readFile packed));
          inPacked = builtins.filter (m: m != null) (map (match "([0-9a-f]+) ${lib.escapeRegex ref}") packedRefs);
        in
        if pathExists file && lib.pathIsRegularFile file then
          if symbolic == null then { value = text; } else readRef dir (builtins.head symbolic)
        else if pathExists common then
          readRef (
            let
              to = lib.fileContents common;
            in
            if lib.hasPrefix "/" to then to else "${dir}/${to}"
          ) ref
        else if pathExists packed && inPacked != [ ] then
          { value = builtins.head (builtins.head inPacked); }
        else
          { error = "Not a .git directory: ${toString dir}"; };
      pointer = match "gitdir: (.*)" (lib.fileContents gitDir);
    in
    if lib.pathIsRegularFile gitDir then
      # A worktree or submodule: a file that says where the repository is.
      if pointer == null then
        { error = "File contained no gitdir reference: ${toString gitDir}"; }
      else
        readRef (
          let
            to = builtins.head pointer;
          in
          if lib.hasPrefix "/" to then to else "${dirOf (toString gitDir)}/${to}"
        ) "HEAD"
    else
      readRef (toString gitDir) "HEAD";
in
rec {
  /**
    Whether a path has a string context, as one that is in the store does.

    Type: `pathHasContext :: Any -> Bool`

    Example: `pathHasContext "x"` is `false`
  */
  pathHasContext = builtins.hasContext or (lib.hasPrefix builtins.storeDir);

  /**
    Whether a source can be filtered: it is a path, or was filtered before.

    Type: `canCleanSource :: Any -> Bool`

    Example: `canCleanSource /.` is `true`
  */
  canCleanSource = src: src ? _isLibCleanSourceWith || !(pathHasContext (toString src));

  /**
    A filter that leaves out version control, editors' backups, object files,
    `result` links and sockets.

    Type: `cleanSourceFilter :: Path -> String -> Bool`

    Example: `cleanSourceFilter "/a/b.o" "regular"` is `false`
  */
  cleanSourceFilter =
    name: type:
    let
      base = baseNameOf (toString name);
    in
    !(
      type == "unknown"
      || (
        type == "directory"
        && builtins.elem base [
          ".git"
          ".svn"
          "CVS"
          ".hg"
          ".jj"
          ".pijul"
          "_darcs"
        ]
      )
      || (type == "regular" && builtins.elem base [ ".git" ])
      || lib.hasSuffix "~" base
      || match "\\.sw[a-z]" base != null
      || match "\\..*\\.sw[a-z]" base != null
      || lib.hasSuffix ".o" base
      || lib.hasSuffix ".so" base
      || (type == "symlink" && lib.hasPrefix "result" base)
    );

  /**
    A source without what `cleanSourceFilter` leaves out.

    Type: `cleanSource :: Path -> Source`
  */
  cleanSource =
    src:
    cleanSourceWith {
      filter = cleanSourceFilter;
      inherit src;
    };

  /**
    A filtered source. Filters of a source that is filtered already combine.

    Type: `cleanSourceWith :: { src, filter ? , name ? } -> Source`
  */
  cleanSourceWith =
    {
      filter ? _: _: true,
      src,
      name ? null,
    }:
    let
      old = parts src;
      both = path: type: filter path type && old.filter path type;
      finalName = if name == null then old.name else name;
      outPath = builtins.path {
        path = old.origSrc;
        filter = both;
        name = finalName;
      };
    in
    {
      _isLibCleanSourceWith = true;
      inherit (old) origSrc;
      filter = both;
      name = finalName;
      inherit outPath;
    };

  /**
    `builtins.filterSource` for sources that may be filtered already.

    Type: `filterSource :: (Path -> String -> Bool) -> Path -> Path`
  */
  filterSource = builtins.filterSource;

  /**
    A source that traces which paths its filter is asked about.

    Type: `trace :: Source -> Source`
  */
  trace =
    src:
    let
      old = parts src;
    in
    cleanSourceWith {
      src = old.origSrc;
      inherit (old) name;
      filter =
        path: type:
        let
          keep = old.filter path type;
        in
        builtins.trace "${lib.optionalString (!keep) "(dropped) "}${path} (${type})" keep;
    };

  /**
    A source of those files whose path below it one of the regular expressions
    matches.

    Type: `sourceByRegex :: Path -> [String] -> Source`
  */
  sourceByRegex =
    src: regexes:
    let
      inherit (parts src) origSrc;
    in
    cleanSourceWith {
      filter =
        path: _:
        let
          relative = lib.removePrefix (toString origSrc + "/") (toString path);
        in
        any (re: match re relative != null) regexes;
      inherit src;
    };

  /**
    A source of those files whose name has one of the suffixes, with all
    directories.

    Type: `sourceFilesBySuffices :: Path -> [String] -> Source`
  */
  sourceFilesBySuffices =
    src: suffixes:
    cleanSourceWith {
      filter =
        name: type: type == "directory" || any (s: lib.hasSuffix s (baseNameOf (toString name))) suffixes;
      inherit src;
    };

  /**
    A source of those files whose path below it one of the glob patterns
    matches: `*` for anything within a name, `**` for any depth.

    Type: `sourceByGlobs :: Path -> [String] -> Source`
  */
  sourceByGlobs =
    src: globs:
    let
      toRegex =
        glob:
        lib.concatMapStrings (
          part:
          if builtins.isList part then
            {
              "*" = "[^/]*";
              "**" = ".*";
              # Any number of directories, none too.
              "**/" = "(.*/)?";
            }
            .${builtins.head part}
          else
            lib.escapeRegex part
        ) (builtins.split "(\\*\\*/|\\*\\*|\\*)" glob);
      regexes = map toRegex globs;
      inherit (parts src) origSrc;
    in
    cleanSourceWith {
      filter =
        path: type:
        let
          relative = lib.removePrefix (toString origSrc + "/") (toString path);
        in
        type == "directory" || any (re: match re relative != null) regexes;
      inherit src;
    };

  /**
    Whether a directory is a git repository.

    Type: `pathIsGitRepo :: Path -> Bool`
  */
  pathIsGitRepo = path: (commitOf path) ? value;

  /**
    The commit that a git repository has checked out.

    Type: `commitIdFromGitRepo :: Path -> String`
  */
  commitIdFromGitRepo =
    path:
    let
      found = commitOf path;
    in
    found.value or (throw found.error);

  /**
    A revision cut to seven characters where it is a hash.

    Type: `shortRev :: String -> String`

    Example: `lib.sources.shortRev "0123456789abcdef0123456789abcdef01234567"` is `"0123456"`
  */
  shortRev = rev: if match "[0-9a-f]{7}[0-9a-f]*" rev != null then builtins.substring 0 7 rev else rev;

  /**
    The one of revision and tag that is given.

    Type: `revOrTag :: (String | Null) -> (String | Null) -> String`

    Example: `lib.sources.revOrTag null "v1"` is `"v1"`
  */
  revOrTag =
    rev: tag:
    if tag != null && rev != null then
      throw "one of rev or tag must be given, not both"
    else if tag != null then
      tag
    else if rev != null then
      rev
    else
      "HEAD";

  /**
    A name for the source of a repository at a revision.

    Type: `repoRevToName :: String -> String -> String -> String`
  */
  repoRevToName =
    kind: repo: rev:
    let
      base = lib.removeSuffix ".git" (baseNameOf (lib.removeSuffix "/" (toString repo)));
    in
    if kind == "full" then
      "${base}-${shortRev rev}-source"
    else if kind == "versioned" then
      "${base}-${builtins.head (match "v?(.*)" (shortRev rev))}-source"
    else
      "source";

  /**
    The name that a URL gives a file in the store.

    Type: `urlToName :: String -> String`

    Example: `lib.sources.urlToName "mirror://x/a-1.0.tar.gz"` is `"a-1.0.tar.gz"`
  */
  urlToName =
    url:
    let
      base = baseNameOf (lib.removeSuffix "/" (lib.last (lib.splitString ":" (toString url))));
    in
    lib.strings.sanitizeDerivationName base;
}
