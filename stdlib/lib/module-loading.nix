/**
  Loading modules: functions are called, files imported, every module brought
  into one shape, and all of it in the order in which definitions count.
*/
{ lib }:
let
  inherit (builtins)
    addErrorContext
    attrNames
    concatMap
    elem
    filter
    head
    isAttrs
    isList
    isString
    mapAttrs
    typeOf
    ;
  inherit (lib) optional showOption unknownModule;
  inherit (lib.options) showDefs;
  inherit (lib.properties) mkMerge;
  inherit (api) unifyModuleSyntax;

  # What a module may have beside `config` and `options`.
  moduleAttrs = [
    "_class"
    "_file"
    "key"
    "disabledModules"
    "imports"
    "options"
    "config"
    "meta"
    "freeformType"
  ];

  shorthandAttrs = [
    "_class"
    "_file"
    "key"
    "disabledModules"
    "require"
    "imports"
    "freeformType"
  ];

  # Call a module function with what it names and what everybody gets. What is
  # not given from outside comes from the option `_module.args`.
  callModule =
    key: f: args:
    let
      extra = mapAttrs (
        name: _:
        addErrorContext ''while evaluating the module argument `${name}' in "${key}":'' (
          args.${name} or (addErrorContext
            "noting that argument `${name}` is not externally provided, so querying `_module.args` instead, requiring `config`"
            args.config._module.args.${name}
          )
        )
      ) (lib.functionArgs f);
    in
    f (args // extra);

  describeWrongModule =
    nested: file: m:
    ''Expected a module, but found a value of type ${
      if isAttrs m && m ? _type then builtins.toJSON m._type else typeOf m
    }${lib.optionalString (file != null && file != unknownModule) ", while trying to load a module into ${toString file}"}${nested}.''
    + lib.optionalString (isAttrs m && m._type or null == "configuration") (
      " It was made by `evalModules`, or something built upon it (`lib.nixosSystem`, for example)."
      + " If you mean to extend a configuration, please only import the modules that make up the configuration;"
      + " if you mean to make a new one of it, use its `extendModules`."
    )
    + lib.optionalString (isAttrs m && m._type or null == "flake") (
      " Perhaps you meant an attribute of it, such as `nixosModules.default`."
    );

  # Load one module: a function, a set, or what `import` makes one of those.
  loadModule =
    args: nested: file: key: m:
    if lib.isFunction m then
      unifyModuleSyntax file key (callModule key m args)
    else if isAttrs m then
      if !(m ? _type) || m._type == "module" then
        unifyModuleSyntax file key m
      else if m._type == "if" || m._type == "override" || m._type == "merge" then
        unifyModuleSyntax file key { config = m; }
      else
        throw (describeWrongModule nested file m)
    else if isList m then
      throw ''
        Module imports can't be nested lists. Perhaps you meant to remove one level of lists? Definitions: ${
          showDefs [
            {
              file = if file == null then unknownModule else file;
              value = m;
            }
          ]
        }''
    else
      let
        path = toString m;
        loaded = import m;
      in
      unifyModuleSyntax path path (if lib.isFunction loaded then callModule path loaded args else loaded);

  # A module and, in `children`, what it imports.
  loadTree =
    args: nested: class: file: key: ms:
    lib.imap1 (
      n: m:
      let
        module = checkClass class (loadModule args nested file "${key}:anon-${toString n}" m);
        into = lib.optionalString (
          module._file != file && file != unknownModule
        ) ", while trying to load a module into ${toString file}";
      in
      {
        inherit (module) key;
        inherit module;
        children = loadTree args (into + nested) class module._file module.key module.imports;
      }
    ) ms;

  checkClass =
    class: m:
    if class == null || m._class == null || m._class == class then
      m
    else
      throw ''
        The module `${m._file}` (class: ${builtins.toJSON m._class}) cannot be imported into a module evaluation that expects class ${builtins.toJSON class}.

        Help: Ensure that you've imported a module of the right kind.'';

  # The keys that some module wants left out.
  disabledKeys =
    modulesPath: trees:
    concatMap (
      t: map (disabledKey modulesPath t.module._file) t.module.disabledModules ++ disabledKeys modulesPath t.children
    ) trees;

  disabledKey =
    modulesPath: file: item:
    if isString item then
      if builtins.substring 0 1 item == "/" then item else "${toString modulesPath}/${item}"
    else if lib.strings.isConvertibleWithToString item && !(isAttrs item && item ? key) then
      toString item
    else if isAttrs item then
      if item ? key then
        toString item.key
      else
        throw "Module `${file}` contains a disabledModules item that is an attribute set, presumably a module, that does not have a `key` attribute. To disable a module, it must have a `key` attribute, so that it can be told apart from others."
    else
      throw "Each disabledModules item must be a path, string, or a attribute set with a key attribute, or a value supported by toString. However, one of the disabledModules items in `${file}` is none of that, but is of type ${typeOf item}.";

  # Several definitions' worth of an attribute that the module can have aside.
  withAside =
    m: config:
    let
      free = optional (m ? freeformType) { _module.freeformType = m.freeformType; };
      meta = optional (m ? meta) { inherit (m) meta; };
      aside = free ++ meta;
    in
    if aside == [ ] then config else mkMerge ([ config ] ++ aside);

  api = {
    /**
      Load modules with all they import.

      Type: `collectModules :: (String | Null) -> String -> [Module] -> AttrSet -> { modules :: [AttrSet]; graph :: [AttrSet]; }`
    */
    collectModules =
      class: modulesPath: modules: args:
      let
          prefix = args._prefix or [ ];
        nested = lib.optionalString (
          prefix != [ ]
        ) ", while trying to load a module into the option `${showOption prefix}'";
        trees = loadTree args nested class unknownModule "" modules;
        disabled = disabledKeys modulesPath trees;
        keep = if disabled == [ ] then lib.id else filter (t: !elem t.key disabled);
        graphOf = t: {
          inherit (t) key;
          file = t.module._file;
          imports = map graphOf t.children;
          disabled = elem t.key disabled;
        };
      in
      {
        modules = map (t: t.module) (
          builtins.genericClosure {
            startSet = keep trees;
            operator = t: keep t.children;
          }
        );
        graph = map graphOf trees;
      };

    /**
      A module in its full form, `_file`, `key`, `imports`, `options`, `config`
      and `disabledModules` all there.

      Type: `unifyModuleSyntax :: String -> String -> AttrSet -> AttrSet`

      Example: `(unifyModuleSyntax "f" "k" { a = 1; }).config` is `{ a = 1; }`
    */
    unifyModuleSyntax =
      file: key: m:
      if !isAttrs m then
        throw "Module `${toString file} (${toString key}) does not look like a module."
      else if m ? config || m ? options then
        let
          bad = attrNames (removeAttrs m moduleAttrs);
        in
        if bad != [ ] then
          throw "Module `${toString key}' has an unsupported attribute `${head bad}'. This is caused by introducing a top-level `config' or `options' attribute. Add configuration attributes immediately on the top level instead, or move all of them (namely: ${toString bad}) into the explicit `config' attribute."
        else
          {
            _file = toString m._file or file;
            _class = m._class or null;
            key = toString m.key or key;
            disabledModules = m.disabledModules or [ ];
            imports = m.imports or [ ];
            options = m.options or { };
            config = withAside m (m.config or { });
          }
      else
        {
          _file = toString m._file or file;
          _class = m._class or null;
          key = toString m.key or key;
          disabledModules = m.disabledModules or [ ];
          imports = m.require or [ ] ++ m.imports or [ ];
          options = { };
          config = withAside (removeAttrs m [ "meta" ]) (removeAttrs m shorthandAttrs);
        };

    /**
      Call a module that is a function with the arguments it names.

      Type: `applyModuleArgsIfFunction :: String -> Any -> AttrSet -> Any`

      Example: `lib.modules.applyModuleArgsIfFunction "k" ({ a }: a) { a = 1; }` is `1`
    */
    applyModuleArgsIfFunction = key: f: args: if lib.isFunction f then callModule key f args else f;
  };
in
api
