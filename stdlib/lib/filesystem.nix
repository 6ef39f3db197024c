/**
  Files and directories at evaluation time.
*/
{ lib }:
let
  inherit (builtins)
    attrNames
    dirOf
    pathExists
    readDir
    ;
in
rec {
  inherit (builtins)
    baseNameOf
    dirOf
    hashFile
    isPath
    readDir
    readFileType
    ;

  /**
    What a path is: `"regular"`, `"directory"`, `"symlink"` or `"unknown"`;
    an error where nothing is there.

    Type: `pathType :: Path -> String`

    Example: `pathType /.` is `"directory"`
  */
  pathType =
    path:
    if pathExists path then
      readFileType path
    else
      throw "lib.filesystem.pathType: Path ${toString path} does not exist.";

  /**
    Whether a path exists and is a directory.

    Type: `pathIsDirectory :: Path -> Bool`

    Example: `pathIsDirectory /.` is `true`
  */
  pathIsDirectory = path: pathExists path && pathType path == "directory";

  /**
    Whether a path exists and is a regular file.

    Type: `pathIsRegularFile :: Path -> Bool`

    Example: `pathIsRegularFile /.` is `false`
  */
  pathIsRegularFile = path: pathExists path && pathType path == "regular";

  /**
    The Haskell packages in a directory: for every directory that holds a
    `.cabal` file, its base name and path.

    Type: `haskellPathsInDir :: Path -> { ${name} :: Path }`
  */
  haskellPathsInDir =
    root:
    let
      cabalFor =
        name: type:
        let
          path = root + "/${name}";
          cabal = root + "/${name}/${name}.cabal";
        in
        if type == "directory" && pathExists cabal then { ${name} = path; } else { };
    in
    lib.concatMapAttrs cabalFor (readDir root);

  /**
    The nearest directory, from the one given upwards, that holds an entry of
    which a regular expression matches the name; its path and the groups of
    the match, or `null`.

    Type: `locateDominatingFile :: String -> Path -> ({ path :: Path; matches :: [Any]; } | Null)`
  */
  locateDominatingFile =
    pattern: file:
    let
      go =
        path:
        let
          matches = builtins.filter (m: m != null) (map (builtins.match pattern) (attrNames (readDir path)));
          parent = dirOf path;
        in
        if matches != [ ] then
          { inherit path matches; }
        else if path == parent then
          null
        else
          go parent;
    in
    go (if pathIsDirectory file then file else dirOf file);

  /**
    All files below a directory.

    Type: `listFilesRecursive :: Path -> [Path]`
  */
  listFilesRecursive =
    dir:
    let
      go =
        dir:
        lib.concatLists (
          lib.mapAttrsToList (
            name: type: if type == "directory" then go (dir + "/${name}") else [ (dir + "/${name}") ]
          ) (readDir dir)
        );
    in
    go dir;

  /**
    A set of packages from a directory: a `.nix` file is a package, a
    directory with `package.nix` too, any other directory a set of packages
    (a scope of its own where `newScope` is given).

    Type: `packagesFromDirectoryRecursive :: { callPackage, newScope ?, directory, recurseIntoDirectory ? } -> AttrSet`
  */
  packagesFromDirectoryRecursive =
    {
      callPackage,
      newScope ? throw "lib.packagesFromDirectoryRecursive: newScope wasn't passed in args",
      directory,
      ...
    }@args:
    let
      base =
        { processDir, ... }:
        lib.concatMapAttrs (
          name: type:
          let
            path = directory + "/${name}";
          in
          if type == "directory" then
            { ${name} = processDir path; }
          else if type == "regular" && lib.hasSuffix ".nix" name then
            { ${lib.removeSuffix ".nix" name} = callPackage path { }; }
          else if type == "regular" then
            { }
          else
            throw "lib.filesystem.packagesFromDirectoryRecursive: Unsupported file type ${type} at path ${toString path}"
        ) (readDir directory);
      processDir = path: packagesFromDirectoryRecursive (args // { directory = path; });
      package = directory + "/package.nix";
    in
    if pathExists package then
      callPackage package { }
    else if args ? newScope then
      # Each directory knows its own packages.
      lib.recurseIntoAttrs (
        lib.makeScope newScope (
          self:
          let
            inner = args // {
              inherit (self) callPackage newScope;
            };
          in
          lib.concatMapAttrs (
            name: type:
            let
              path = directory + "/${name}";
            in
            if type == "directory" then
              { ${name} = packagesFromDirectoryRecursive (inner // { directory = path; }); }
            else if type == "regular" && lib.hasSuffix ".nix" name then
              { ${lib.removeSuffix ".nix" name} = self.callPackage path { }; }
            else
              { }
          ) (readDir directory)
        )
      )
    else
      base { inherit processDir; };

  /**
    The file that `import` reads for a path: `default.nix` of a directory, or
    the path itself.

    Type: `resolveDefaultNix :: (Path | String) -> (Path | String)`

    Example: `lib.filesystem.resolveDefaultNix "/no/such/dir/"` is `"/no/such/dir/default.nix"`
  */
  resolveDefaultNix =
    path:
    if pathIsDirectory path then
      path + "/default.nix"
    else if builtins.isString path && lib.hasSuffix "/" path then
      path + "default.nix"
    else
      path;
}
