/**
  Sets of local files, combined by set operations and then put into the store
  as one source.

  A file set has a base directory (`_base`, `null` for the empty set) and a
  tree (`_tree`): the string `"directory"` for everything below, any other
  string for a file that belongs, `null` for nothing, or a set of trees by
  name. Directories are there only for the files in them.
*/
{ lib }:
let
  inherit (builtins)
    attrNames
    elemAt
    intersectAttrs
    isAttrs
    isFunction
    isList
    isPath
    isString
    length
    mapAttrs
    pathExists
    readDir
    typeOf
    zipAttrsWith
    ;
  inherit (lib.filesystem) pathType;

  make = base: tree: {
    _type = "fileset";
    _base = base;
    _tree = tree;
    # What a mistaken use as a source meets.
    outPath = throw ''
      lib.fileset: Directly evaluating a file set is not supported.
        To turn it into a usable source, use `lib.fileset.toSource`.
        To pretty-print the contents, use `lib.fileset.trace` or `lib.fileset.traceVal`.'';
  };

  nothing = make null null;

  describe =
    value:
    if value._isLibCleanSourceWith or false then
      "is a `lib.sources`-based value"
    else if value._type or null == "fileset" then
      "is a file set"
    else if lib.isStringLike value then
      "(${if isString value then "\"${toString value}\"" else toString value}) is a string-like value"
    else
      "is of type ${typeOf value}";

  # A file set from a file set or a path.
  coerce =
    context: value:
    if value._type or null == "fileset" then
      value
    else if !isPath value then
      throw (
        "${context} ${describe value}, but it should be a file set or a path instead."
        + lib.optionalString (value._isLibCleanSourceWith or false) "\n    To convert a `lib.sources`-based value to a file set you can use `lib.fileset.fromSource`.\n    Note that this only works for sources created from paths."
        + lib.optionalString (
          !(value._isLibCleanSourceWith or false) && lib.isStringLike value
        ) "\n    Paths represented as strings are not supported by `lib.fileset`, use `lib.sources` or derivations instead."
      )
    else if !pathExists value then
      throw "${context} (${toString value}) is a path that does not exist.\n    To create a file set from a path that may not exist, use `lib.fileset.maybeMissing`."
    else
      fromPath value;

  fromPath =
    path:
    let
      type = pathType path;
    in
    if type == "directory" then
      make path type
    else
      make (dirOf path) { ${baseNameOf path} = type; };

  namesOf = path: lib.path.subpath.components (lib.path.splitRoot path).subpath;

  # The tree of a set seen from a base above its own.
  treeFrom =
    base: set:
    if set._base == null then
      null
    else
      let
        names = lib.drop (length (namesOf base)) (namesOf set._base);
      in
      if set._tree == null then null else lib.foldr (name: tree: { ${name} = tree; }) set._tree names;

  commonBase =
    a: b:
    let
      root = (lib.path.splitRoot a).root;
      shared = lib.lists.commonPrefix (namesOf a) (namesOf b);
    in
    if root != (lib.path.splitRoot b).root then
      throw "lib.fileset: File sets of different filesystem roots cannot be combined: \"${toString a}\" and \"${toString b}\""
    else
      lib.foldl (path: name: path + "/${name}") root shared;

  # What a tree has by name, where something about its parts must be known.
  entriesOf = path: tree: if tree == "directory" then readDir path else tree;

  uniteTrees =
    trees:
    let
      # Trees behind one that holds everything are not looked at.
      whole = lib.findFirst isString null trees;
      given = builtins.filter (t: t != null) trees;
    in
    if whole != null then
      whole
    else if given == [ ] then
      null
    else
      zipAttrsWith (_: uniteTrees) given;

  intersectTrees =
    a: b:
    if a == null || b == null then
      null
    else if isString a then
      b
    else if isString b then
      a
    else
      mapAttrs (name: tree: intersectTrees tree b.${name}) (intersectAttrs b a);

  subtractTrees =
    path: a: b:
    if a == null || isString b then
      null
    else if b == null then
      a
    else
      mapAttrs (name: tree: subtractTrees (path + "/${name}") tree (b.${name} or null)) (entriesOf path a);

  hasFiles =
    path: tree:
    if tree == null then
      false
    else if isString tree && tree != "directory" then
      true
    else
      let
        entries = entriesOf path tree;
      in
      lib.any (name: hasFiles (path + "/${name}") entries.${name}) (attrNames entries);

  # Whether nothing of a directory is missing.
  isWhole =
    path: tree:
    isString tree
    || (
      tree != null
      && lib.all (name: tree ? ${name} && isWhole (path + "/${name}") tree.${name}) (attrNames (readDir path))
    );

  union2 =
    a: b:
    if a._base == null then
      b
    else if b._base == null then
      a
    else
      let
        base = commonBase a._base b._base;
      in
      make base (uniteTrees [
        (treeFrom base a)
        (treeFrom base b)
      ]);

  # What git tracks below a path, seen through what it would fetch.
  gitFiles =
    name: argument: options: path:
    let
      fetched = builtins.fetchGit (
        {
          url = path;
          # Only what is checked out counts, so history may be missing.
          shallow = true;
        }
        // options
      );
      treeOf =
        stored: local:
        mapAttrs (
          name: type:
          if !pathExists (local + "/${name}") then
            null
          else if type == "directory" then
            treeOf (stored + "/${name}") (local + "/${name}")
          else
            type
        ) (readDir stored);
      context = "lib.fileset.${name}: Expected the ${argument}";
    in
    if !isPath path then
      throw "${context} to be a path, but it's a ${typeOf path} instead."
    else if pathType path != "directory" then
      throw "${context} (${toString path}) to be a directory, but it's a file instead"
    else if lib.path.hasStorePathPrefix path then
      # What git has put into the store is what it tracks.
      if pathExists (path + "/.git") then
        throw ''
          lib.fileset.${name}: The ${argument} (${toString path}) is a store path within a working tree of a Git repository.
              This indicates that a source directory was imported into the store using a method such as `import "''${./.}"` or `path:.`.
              This function currently does not support such a use case, since it currently relies on `builtins.fetchGit`.
              You could make this work by using a fetcher such as `fetchGit` instead of copying the whole repository.''
      else
        make path (pathType path)
    else if !pathExists (path + "/.git") then
      throw "${context} (${toString path}) to point to a local working tree of a Git repository, but it's not."
    else
      make path (treeOf fetched.outPath path);

  # Traces lines, however many, and goes on with a value.
  show = lines: builtins.seq (builtins.foldl' (_: line: builtins.trace line null) null lines);

  # The lines that show a set.
  linesOf =
    set:
    let
      go =
        indent: path: tree:
        let
          entries = entriesOf path tree;
        in
        lib.concatMap (
          name:
          let
            here = path + "/${name}";
            sub = entries.${name};
          in
          if !hasFiles here sub then
            [ ]
          else if isString sub && sub != "directory" then
            [ "${indent}- ${name} (${sub})" ]
          else if isWhole here sub then
            [ "${indent}- ${name} (all files in directory)" ]
          else
            [ "${indent}- ${name}" ] ++ go (indent + "  ") here sub
        ) (attrNames entries);
    in
    if set._base == null || !hasFiles set._base set._tree then
      [ "(empty)" ]
    else if isWhole set._base set._tree then
      [ "${toString set._base} (all files in directory)" ]
    else
      [ (toString set._base) ] ++ go "" set._base set._tree;
in
rec {
  /**
    The set without files.

    Type: `empty :: FileSet`

    Example: `lib.fileset.toList lib.fileset.empty` is `[ ]`
  */
  empty = nothing;

  /**
    Whether a value is a file set, or a path that can become one.

    Type: `isFileset :: Any -> Bool`

    Example: `lib.fileset.isFileset 1` is `false`
  */
  isFileset = value: value._type or null == "fileset" || (isPath value && pathExists value);

  /**
    The set of a path where it exists, the empty one otherwise.

    Type: `maybeMissing :: Path -> FileSet`

    Example: `lib.fileset.toList (lib.fileset.maybeMissing /no/such/file)` is `[ ]`
  */
  maybeMissing =
    path:
    if !isPath path then
      throw (
        "lib.fileset.maybeMissing: Argument ${describe path}, but it should be a path instead."
      )
    else if pathExists path then
      fromPath path
    else
      nothing;

  /**
    The files of either of two sets.

    Type: `union :: FileSet -> FileSet -> FileSet`
  */
  union =
    a: b: union2 (coerce "lib.fileset.union: First argument" a) (coerce "lib.fileset.union: Second argument" b);

  /**
    The files of any set of a list.

    Type: `unions :: [FileSet] -> FileSet`

    Example: `lib.fileset.toList (lib.fileset.unions [ ])` is `[ ]`
  */
  unions =
    list:
    if !isList list then
      throw "lib.fileset.unions: Argument is of type ${typeOf list}, but it should be a list instead."
    else
      let
        sets = builtins.filter (s: s._base != null) (
          lib.imap0 (i: coerce "lib.fileset.unions: Element ${toString i}") list
        );
        base = builtins.foldl' (acc: s: commonBase acc s._base) (builtins.head sets)._base sets;
      in
      if sets == [ ] then nothing else make base (uniteTrees (map (treeFrom base) sets));

  /**
    The files of both of two sets.

    Type: `intersection :: FileSet -> FileSet -> FileSet`
  */
  intersection =
    first: second:
    let
      a = coerce "lib.fileset.intersection: First argument" first;
      b = coerce "lib.fileset.intersection: Second argument" second;
      base = commonBase a._base b._base;
    in
    if a._base == null || b._base == null then
      nothing
    else
      let
        deeper = if length (namesOf a._base) > length (namesOf b._base) then a._base else b._base;
        tree = intersectTrees (treeFrom base a) (treeFrom base b);
        names = lib.drop (length (namesOf base)) (namesOf deeper);
        inner = lib.attrByPath names null tree;
      in
      if deeper == base then
        make base tree
      # Of sets side by side nothing is in both.
      else if !(lib.path.hasPrefix a._base b._base || lib.path.hasPrefix b._base a._base) then
        nothing
      else
        make deeper inner;

  /**
    The files of the first set that are not in the second.

    Type: `difference :: FileSet -> FileSet -> FileSet`
  */
  difference =
    positive: negative:
    let
      a = coerce "lib.fileset.difference: First argument (positive set)" positive;
      b = coerce "lib.fileset.difference: Second argument (negative set)" negative;
      base = commonBase a._base b._base;
      names = lib.drop (length (namesOf base)) (namesOf a._base);
      result = subtractTrees base (treeFrom base a) (treeFrom base b);
    in
    if a._base == null || b._base == null then
      a
    else
      make a._base (if names == [ ] then result else lib.attrByPath names null result);

  /**
    The files below a path for which a predicate of `{ name, type, hasExt }`
    holds.

    Type: `fileFilter :: ({ name, type, hasExt, ... } -> Bool) -> Path -> FileSet`
  */
  fileFilter =
    pred: path:
    let
      fits =
        name: type:
        pred {
          inherit name type;
          hasExt = ext: lib.hasSuffix ".${ext}" name;
          # So that a pattern without `...` fails today, and not when there is more to know of a file.
          "the predicate of lib.fileset.fileFilter has to take further attributes: write { name, ... }:" = null;
        };
      go =
        path:
        mapAttrs (
          name: type:
          if type == "directory" then
            go (path + "/${name}")
          else if fits name type then
            type
          else
            null
        ) (readDir path);
      type = pathType path;
    in
    if !isFunction pred then
      throw "lib.fileset.fileFilter: First argument is of type ${typeOf pred}, but it should be a function instead."
    else if !isPath path then
      throw (
        "lib.fileset.fileFilter: Second argument ${describe path}, but it should be a path instead."
        + lib.optionalString (path._type or null == "fileset") "\n    If you need to filter the files in a file set, use `intersection fileset (fileFilter pred ./.)` instead."
      )
    else if !pathExists path then
      throw "lib.fileset.fileFilter: Second argument (${toString path}) is a path that does not exist."
    else if type == "directory" then
      make path (go path)
    else
      make (dirOf path) { ${baseNameOf path} = if fits (baseNameOf path) type then type else null; };

  /**
    The files of a set, as paths.

    Type: `toList :: FileSet -> [Path]`
  */
  toList =
    value:
    let
      set = coerce "lib.fileset.toList: Argument" value;
      go =
        path: tree:
        if tree == null then
          [ ]
        else if isString tree && tree != "directory" then
          [ path ]
        else
          let
            entries = entriesOf path tree;
          in
          lib.concatMap (name: go (path + "/${name}") entries.${name}) (attrNames entries);
    in
    if set._base == null then [ ] else go set._base set._tree;

  /**
    A source in the store with the files of a set, below a root directory that
    all of them must be in.

    Type: `toSource :: { root :: Path; fileset :: FileSet; } -> Source`
  */
  toSource =
    { root, fileset }:
    let
      set = coerce "lib.fileset.toSource: `fileset`" fileset;
      tree = treeFrom root set;
      depth = length (namesOf root);
      keep =
        path: _:
        let
          # The filter is given strings; the root may be anywhere.
          names = lib.drop depth (lib.path.subpath.components ("./." + path));
          walk =
            here: i: t:
            if t == null then
              false
            else if i == length names then
              if t == "unknown" then
                throw ''
                  lib.fileset.toSource: `fileset` contains a file that cannot be added to the store: ${toString here}
                      This file is neither a regular file nor a symlink, the only file types supported by the Nix store.
                      Therefore the file set cannot be added to the Nix store as is. Make sure to not include that file to avoid this error.''
              else
                hasFiles here t
            else
              let
                name = elemAt names i;
                next = here + "/${name}";
              in
              if t == "directory" then
                walk next (i + 1) ((readDir here).${name} or null)
              else if isAttrs t then
                walk next (i + 1) (t.${name} or null)
              else
                false;
        in
        walk root 0 tree;
    in
    if !isPath root then
      throw (
        "lib.fileset.toSource: `root` ${if isString root then "(${root}) is a string-like value" else describe root}, but it should be a path instead."
        + lib.optionalString (root._isLibCleanSourceWith or false) "\n    To use a `lib.sources`-based value, convert it to a file set using `lib.fileset.fromSource` and pass it as `fileset`.\n    Note that this only works for sources created from paths."
        + lib.optionalString (
          !(root._isLibCleanSourceWith or false) && lib.isStringLike root
        ) "\n    Paths in strings are not supported by `lib.fileset`, use `lib.sources` or derivations instead."
      )
    else if !pathExists root then
      throw "lib.fileset.toSource: `root` (${toString root}) is a path that does not exist."
    else if pathType root != "directory" then
      throw ''
        lib.fileset.toSource: `root` (${toString root}) is a file, but it should be a directory instead. Potential solutions:
            - If you want to import the file into the store _without_ a containing directory, use string interpolation or `builtins.path` instead of this function.
            - If you want to import the file into the store _with_ a containing directory, set `root` to the containing directory, such as ${toString (dirOf root)}, and set `fileset` to the file path.''
    else if set._base != null && !lib.path.hasPrefix root set._base then
      throw ''
        lib.fileset.toSource: `fileset` could contain files in ${toString set._base}, which is not under the `root` (${toString root}). Potential solutions:
            - Set `root` to ${toString set._base} or any directory higher up. This changes the layout of the resulting store path.
            - Set `fileset` to a file set that cannot contain files outside the `root` (${toString root}). This could change the files included in the result.''
    else
      lib.cleanSourceWith {
        name = "source";
        src = root;
        filter = keep;
      };

  /**
    The set of the files that a source, maybe filtered, would have.

    Type: `fromSource :: Source -> FileSet`
  */
  fromSource =
    source:
    let
      path = source.origSrc or source;
      filter = source.filter or (_: _: true);
      go =
        path:
        mapAttrs (
          name: type:
          let
            here = path + "/${name}";
          in
          if !filter (toString here) type then
            null
          else if type == "directory" then
            go here
          else
            type
        ) (readDir path);
      type = pathType path;
    in
    if !isPath path then
      throw (
        if isString path then
          "lib.fileset.fromSource: The source origin of the argument is a string-like value (\"${path}\"), but it should be a path instead.\n    Sources created from paths in strings cannot be turned into file sets, use `lib.sources` or derivations instead."
        else
          "lib.fileset.fromSource: The source origin of the argument ${describe path}, but it should be a path instead."
      )
    else if !pathExists path then
      throw "lib.fileset.fromSource: The source origin (${toString path}) of the argument is a path that does not exist."
    else if type != "directory" then
      fromPath path
    else
      make path (go path);

  /**
    The files of a git working tree that git tracks.

    Type: `gitTracked :: Path -> FileSet`
  */
  gitTracked = gitFiles "gitTracked" "argument" { };

  /**
    `gitTracked`, with submodules where asked for.

    Type: `gitTrackedWith :: { recurseSubmodules ? false :: Bool; } -> Path -> FileSet`
  */
  gitTrackedWith =
    {
      recurseSubmodules ? false,
    }:
    if builtins.isBool recurseSubmodules then
      gitFiles "gitTrackedWith" "second argument" (
        lib.optionalAttrs recurseSubmodules { submodules = true; }
      )
    else
      throw "lib.fileset.gitTrackedWith: Expected the attribute `recurseSubmodules` of the first argument to be a boolean, but it's a ${typeOf recurseSubmodules} instead.";

  /**
    Show a set on stderr and go on with the second argument.

    Type: `trace :: FileSet -> a -> a`
  */
  trace =
    value:
    let
      set = coerce "lib.fileset.trace: Argument" value;
    in
    # Shown at once, also where what goes on is never asked for.
    show (linesOf set) (result: result);

  /**
    Show a set on stderr and return it.

    Type: `traceVal :: FileSet -> FileSet`
  */
  traceVal =
    value:
    let
      set = coerce "lib.fileset.traceVal: Argument" value;
    in
    show (linesOf set) set;
}
