/**
  The module system: modules are collected through their imports, their option
  declarations are merged into one tree, their definitions are handed down the
  same tree, and every option merges what reached it.

  Reading order: `evalModules` is the entry; `module-loading.nix` loads and
  orders modules and brings each into one shape; `mergeTree` here walks
  declarations and definitions together; `mergeDefinitions` is one option.

  For speed, the common cases (one declaration, at most one plain definition)
  create as few intermediate values as they can, and whatever only messages or
  documentation want is left unevaluated.
*/
{ lib }:
let
  inherit (builtins)
    addErrorContext
    all
    attrNames
    attrValues
    concatMap
    elemAt
    filter
    head
    isAttrs
    length
    map
    mapAttrs
    tail
    typeOf
    unsafeGetAttrPos
    zipAttrsWith
    ;
  inherit (lib)
    concatStringsSep
    isOption
    last
    mkOption
    mkOptionDefault
    mkIf
    optional
    optionalAttrs
    reverseList
    setAttrByPath
    showFiles
    showOption
    types
    ;
  inherit (lib.options) showDefs;
  inherit (api)
    collectModules
    evalModules
    fixupOptionType
    mergeDefinitions
    mergeOptionDecls
    unifyModuleSyntax
    ;
  inherit (lib.properties)
    defaultOverridePriority
    dischargeProperties
    filterOverrides'
    mkMerge
    pushDownProperties
    sortProperties
    ;

  recursionHint = ''
    if you get an infinite recursion here, you probably reference `config` in `imports`. If you are trying to achieve a conditional import behavior dependent on `config`, consider importing unconditionally, and using `mkEnableOption` and `mkIf` to control its effect.'';

  isTree = value: isAttrs value && !(value ? _type);

  # -------------------------------------------------------------- declarations

  positionOf =
    name: decl:
    let
      pos = decl.pos or (unsafeGetAttrPos name decl.parent);
    in
    if pos == null then
      {
        file = decl._file;
        line = null;
        column = null;
      }
    else
      pos;

  wrongDeclaration =
    loc: decl:
    let
      got = decl.options;
    in
    throw "In module ${decl._file}: expected an option declaration at option path `${showOption loc}` but got ${
      if isAttrs got then
        "an attribute set with type ${got._type}"
        + (
          if got._type == "option-type" then
            ". Perhaps you meant to write `mkOption { type = …; }`, with the type inside"
          else
            ""
        )
      else
        "a value of type ${typeOf got}"
    }";

  # "option" or "tree".
  declKind =
    loc: decl:
    let
      o = decl.options;
    in
    if isAttrs o then
      if !(o ? _type) then
        "tree"
      else if o._type == "option" then
        "option"
      else
        wrongDeclaration loc decl
    else
      wrongDeclaration loc decl;

  # The options below a tree, by their names from there.
  optionPathsIn =
    loc: tree:
    concatMap (
      name:
      let
        o = tree.${name};
        here = loc ++ [ name ];
      in
      if isTree o then optionPathsIn here o else [ here ]
    ) (attrNames tree);

  # Options declared below an option whose type takes modules become a module
  # of that type.
  treeAsOption =
    decl:
    if isOption decl.options then
      decl
    else
      decl
      // {
        options = mkOption {
          type = types.submoduleWith {
            modules = [
              {
                _file = decl._file;
                options = decl.options;
              }
            ];
            # Whether definitions are shorthand is for the real declaration.
            shorthandOnlyDefinesConfig = null;
          };
        };
      };

  throwNotNestable =
    loc: decls:
    let
      option = head (filter (d: isOption d.options) decls);
      trees = filter (d: !isOption d.options) decls;
    in
    throw "The option `${showOption loc}' in module `${option._file}' would be a parent of the following options, but its type `${
      option.options.type.description or "<no description>"
    }' does not support nested options.\n${
      lib.concatLines (
        concatMap (
          d:
          map (path: "  - option(s) with prefix `${showOption path}' in module `${d._file}'") (
            lib.unique (map (lib.take (length loc + 1)) (optionPathsIn loc d.options))
          )
        ) trees
      )
    }";

  # ---------------------------------------------------------------- the walk

  notASet =
    prefix: file: value:
    throw ''
      In module `${file}', you're trying to define a value of type `${typeOf value}'
      rather than an attribute set for the option
      `${showOption prefix}'!

      This usually happens if `${showOption prefix}' has option
      definitions inside that are not matched. Please check how to properly define
      this option by e.g. referring to `man 5 configuration.nix'!
    '';

  # Definitions as plain sets, properties pushed into them.
  flattenDefs =
    prefix: defs:
    concatMap (
      def:
      let
        inherit (def) value;
      in
      if isTree value then
        [ def ]
      else if isAttrs value && value._type == "definition" then
        flattenDefs prefix [ { inherit (value) file value; } ]
      else if isAttrs value && value._type == "merge" then
        concatMap (v: flattenDefs prefix [ (def // { value = v; }) ]) value.contents
      else if isAttrs value && value._type == "if" then
        map (d: d // {
          value = mapAttrs (_: mkIf value.condition) d.value;
          origin = d.origin or d.value;
        }) (
          flattenDefs prefix [ (def // { value = value.content; }) ]
        )
      else if isAttrs value && value._type == "override" then
        map (d: d // {
          value = mapAttrs (_: lib.mkOverride value.priority) d.value;
          origin = d.origin or d.value;
        }) (
          flattenDefs prefix [ (def // { value = value.content; }) ]
        )
      else if isAttrs value then
        [ def ]
      else
        notASet prefix def.file value
    ) defs;

  /*
    Declarations (`{ _file, options }`) and definitions (`{ file, value }`) of
    one level, merged into

      options    the tree of evaluated options
      config     the tree of their values
      unmatched  definitions that no option took: { prefix, file, value }

    Most levels have one module that declares and at most one that defines, and
    these go without tables by name.
  */
  mergeTree =
    prefix: decls: defs:
    let
      flat = flattenDefs prefix defs;
      first = head flat;

      # `parent` is the set that the definition stands in, for its position.
      defsByName = zipAttrsWith (_: found: found) (
        map (
          def:
          let
            inherit (def) file;
            parent = def.origin or def.value;
          in
          mapAttrs (_: value: { inherit file value parent; }) def.value
        ) flat
      );

      defsOf =
        if flat == [ ] then
          _: [ ]
        else if tail flat == [ ] then
          name:
          if first.value ? ${name} then
            [
              {
                inherit (first) file;
                value = first.value.${name};
                parent = first.origin or first.value;
              }
            ]
          else
            [ ]
        else
          name: defsByName.${name} or [ ];

      declsByName = zipAttrsWith (_: found: found) (
        map (
          decl:
          let
            file = decl._file;
            parent = decl.options;
          in
          mapAttrs (_: options: {
            _file = file;
            inherit parent options;
          }) parent
        ) decls
      );

      one = head decls;
      isSingle = decls != [ ] && tail decls == [ ];
      names = if isSingle then one.options else declsByName;

      results =
        if isSingle then
          let
            file = one._file;
            parent = one.options;
          in
          mapAttrs (
            name: options:
            if isAttrs options && !(options ? _type) then
              mergeTree (prefix ++ [ name ]) [
                {
                  _file = file;
                  inherit options;
                }
              ] (defsOf name)
            else
              evalDeclared (prefix ++ [ name ]) file parent options (defsOf name)
          ) parent
        else
          mapAttrs (
            name: found:
            let
              loc = prefix ++ [ name ];
              decl = head found;
            in
            if tail found == [ ] then
              if declKind loc decl == "tree" then
                mergeTree loc found (defsOf name)
              else
                evalDeclared loc decl._file decl.parent decl.options (defsOf name)
            else
              mergeSeveral loc found (defsOf name)
          ) declsByName;

      strangers = if flat == [ ] then { } else removeAttrs (if tail flat == [ ] then first.value else defsByName) (attrNames names);
    in
    {
      isTree = true;
      options = mapAttrs (_: r: r.options) results;
      config = mapAttrs (_: r: r.config) results;
      unmatched =
        (
          if strangers == { } then
            [ ]
          else
            concatMap (
              name:
              map (def: {
                prefix = prefix ++ [ name ];
                inherit (def) file value;
              }) (defsOf name)
            ) (attrNames strangers)
        )
        ++ concatMap (r: if r ? isTree then r.unmatched else [ ]) (attrValues results);
    };

  # One name that several modules declare: trees, options, or both.
  mergeSeveral =
    loc: found: defs:
    if all (d: declKind loc d == "tree") found then
      mergeTree loc found defs
    else if all (d: declKind loc d == "option") found then
      evalMerged loc (fixupOptionType loc (mergeOptionDecls loc found)) defs
    else if
      all (
        d: declKind loc d == "tree" || (d.options ? type.getSubModules && d.options.type.getSubModules != null)
      ) found
    then
      evalMerged loc (fixupOptionType loc (mergeOptionDecls loc (map treeAsOption found))) defs
    else
      throwNotNestable loc found;

  evalMerged = loc: opt: evalOption loc opt.decl opt.type opt.declarations opt.positions;

  # An option that one module declares. Nothing of its type is looked at before
  # its value is.
  evalDeclared =
    loc: file: parent: options: defs:
    if !(isAttrs options) || options._type != "option" then
      wrongDeclaration loc {
        _file = file;
        inherit parent options;
      }
    else
      evalOption loc options
        (
          let
            type = options.type or types.unspecified;
          in
          if type.getSubModules or null == null then
            type
          else
            type.substSubModules (map (lib.setDefaultModuleLocation file) type.getSubModules)
        )
        [ file ]
        [
          (positionOf (last loc) {
            _file = file;
            inherit parent;
          })
        ]
        defs;

  isPlain = v: !(isAttrs v && v ? _type);

  # One option with its definitions. `merged` knows everything about it; the
  # value of a plain default, or of one plain definition, does not need it.
  evalOption =
    loc: o: type: declarations: positions: defs:
    let
      withDefault =
        if o ? default then
          [
            {
              file = head declarations;
              value = mkOptionDefault o.default;
            }
          ]
          ++ defs
        else
          defs;

      merged = mergeDefinitions loc type (
        if (o.readOnly or false) && length withDefault > 1 then
          throw "The option `${showOption loc}' is read-only, but it's set multiple times. Definition values:${
            showDefs (
              map (
                def:
                def
                // {
                  value = (mergeDefinitions loc type [ def ]).mergedValue;
                }
              ) withDefault
            )
          }"
        else
          withDefault
      );

      direct =
        value:
        if isPlain value && type.merge ? direct && type.check value && type.merge.direct value then
          value
        else
          merged.mergedValue;

      checked =
        if type.deprecationMessage or null != null then
          lib.warn "The type `types.${type.name}' of option `${showOption loc}' defined in ${showFiles declarations} is deprecated. ${type.deprecationMessage}" merged.mergedValue
        else if defs == [ ] then
          if o ? default then direct o.default else merged.mergedValue
        else if tail defs == [ ] && !(o.readOnly or false) then
          direct (head defs).value
        else
          merged.mergedValue;

      value = addErrorContext "while evaluating the option `${showOption loc}':" (
        if o ? apply then o.apply checked else checked
      );
    in
    {
      config = value;
      options = o // {
        inherit
          loc
          type
          value
          declarations
          ;
        declarationPositions = positions;
        options = [ ];
        inherit (merged) isDefined valueMeta;
        inherit (merged.defsFinal') highestPrio;
        definitions = map (def: def.value) merged.defsFinal;
        definitionsWithLocations = map (def: { inherit (def) file value; }) merged.defsFinal;
        provenance = provenanceOf (last loc) merged.defsFinal'.highestPrio withDefault;
        files = map (def: def.file) merged.defsFinal;
        __toString = _: showOption loc;
      };
    };

  /*
    Every definition that an option was given, whether it counted or not, with
    where it is written, its priority, its place in the order, and what its
    conditions came to (null where there was none).
  */
  provenanceOf =
    name: highestPrio: defs:
    let
      explain =
        known: v:
        if !(isAttrs v && v ? _type) then
          [ known ]
        else if v._type == "merge" then
          concatMap (explain known) v.contents
        else if v._type == "definition" then
          explain (known // { inherit (v) file; line = null; column = null; }) v.value
        else if v._type == "override" then
          explain (known // { inherit (v) priority; }) v.content
        else if v._type == "order" then
          explain (known // { order = v.priority; }) v.content
        else if v._type == "if" then
          if known.condition != false && v.condition then
            explain (known // { condition = true; }) v.content
          else
            # What a condition that fails keeps out is not looked at.
            [ (known // { condition = false; }) ]
        else
          [ known ];
    in
    map (entry: entry // { used = entry.condition != false && entry.priority == highestPrio; }) (
      concatMap (
        def:
        let
          pos = if def ? parent then unsafeGetAttrPos name def.parent else null;
        in
        explain {
          inherit (def) file;
          line = if pos == null then null else pos.line;
          column = if pos == null then null else pos.column;
          priority = defaultOverridePriority;
          order = lib.properties.defaultOrderPriority;
          condition = null;
        } def.value
      ) defs
    );

  # -------------------------------------------------------------- unmatched

  # The names of options near a path that does not exist.
  suggestionsFor =
    options: base: path:
    let
      rel = lib.drop (length base) path;
      exists =
        i: tree:
        if i < length rel && isAttrs tree && !isOption tree && tree ? ${elemAt rel i} then exists (i + 1) tree.${elemAt rel i} else i;
      depth = exists 0 options;
      level = lib.attrByPath (lib.take depth rel) { } options;
      wrong = elemAt rel depth;
      names = filter (n: n != "_module") (attrNames level);
      distance = lib.strings.levenshtein wrong;
      ranked = lib.sortOn (n: n.d) (
        map (name: {
          inherit name;
          d = distance name;
        }) names
      );
      shown = map (n: "`${showOption (base ++ lib.take depth rel ++ [ n.name ])}'") (lib.take 3 ranked);
    in
    if depth >= length rel || !isTree level || shown == [ ] then
      ""
    else
      "\n\nDid you mean ${
        if length shown == 1 then
          head shown
        else
          "${concatStringsSep ", " (lib.init shown)} or ${last shown}"
      }?";

  throwUnmatched =
    prefix: options: unmatched:
    let
      first = head unmatched;
      # All definitions of that same name, for the message.
      same = filter (def: def.prefix == first.prefix) unmatched;
      name = showOption first.prefix;
      defText = addErrorContext "while evaluating the error message for definitions for `${name}', which is an option that does not exist" (
        addErrorContext "while evaluating a definition from `${first.file}'" (showDefs same)
      );
      # Whether there is an option in a value, looking a few levels deep.
      hasOption =
        depth: v:
        isAttrs v && (isOption v || (depth > 0 && isTree v && lib.any (hasOption (depth - 1)) (attrValues v)));
      declares = builtins.tryEval (hasOption 3 first.value);
      declaresHere = declares.success && declares.value;
      noOptions = attrNames options == [ "_module" ];
    in
    throw (
      "The option `${name}' does not exist. Definition values:${defText}"
      + (
        if noOptions then
          let
            where = showOption prefix;
          in
          if declaresHere && prefix == [ ] then
            "\n\nIt seems as if you're trying to declare an option by placing it into `config' rather than `options'!"
          else
            "\n\nHowever there are no options defined in `${where}'. Are you sure you've\ndeclared your options properly? This can happen if you e.g. declared your options in `types.submodule'\nunder `config' rather than `options'."
        else if declaresHere then
          "\n\nIt seems as if you're trying to declare an option by placing it into `config' rather than `options'!"
        else
          suggestionsFor options prefix first.prefix
      )
    );

  # The options every evaluation has, for its own use. Only the documentation
  # of an outermost evaluation shows `_module.args`.
  internalOptions =
    nested:
    {
      _module = {
        args = mkOption {
          type = types.lazyAttrsOf types.raw;
          internal = nested;
          description = ''
            Further arguments of modules, besides `lib`, `config`, `options`
            and the like. `imports` cannot depend on them.

            Submodules have such an option of their own, and share nothing of
            it with the module they are in. What they get is `name`: the
            attribute, or the place in a list, that they stand at.
          '';
        };
        check = mkOption {
          type = types.bool;
          internal = true;
          default = true;
          description = "Whether a definition without an option is an error.";
        };
        freeformType = mkOption {
          type = types.nullOr types.optionType;
          internal = true;
          default = null;
          description = ''
            When set, definitions without an option merge by this type, and the
            result becomes part of the configuration.
          '';
        };
        specialArgs = mkOption {
          readOnly = true;
          internal = true;
          description = "Arguments that are given from outside and can be used in `imports`.";
        };
      };
    };

  outermostOptions = internalOptions false;
  nestedOptions = internalOptions true;

  internalModule =
    {
      prefix,
      specialArgs,
      extendModules,
      type,
    }:
    {
      _file = ./modules.nix;
      key = ./modules.nix;
      options = if prefix == [ ] then outermostOptions else nestedOptions;
      config._module = {
        args = {
          inherit extendModules;
          moduleType = type;
        };
        inherit specialArgs;
      };
    };

  # The options of a module, which must be a set of options and sets.
  checkOptionsAttr =
    m:
    if isTree m.options then
      m.options
    else
      throw "In module ${m._file}: expected an attribute set of option declarations under `options`, but got ${
        if isAttrs m.options then "an attribute set with type ${m.options._type}" else "a value of type ${typeOf m.options}"
      }";

  /*
    Check definitions by a type and merge them. A type whose `merge` is a set
    with `v2` checks as it merges; any other is checked here.
  */
  checkAndMerge =
    loc: type: defs:
    let
      wrong = filter (def: !type.check def.value) defs;
      refuse =
        text:
        throw "A definition for option `${showOption loc}' is not of type `${type.description}'. ${text}";
    in
    if isAttrs type.merge && type.merge ? v2 then
      let
        result = type.merge.v2 { inherit loc defs; };
      in
      if result.headError != null then
        {
          value = refuse (
            # A type that says itself what is wrong needs no more words.
            if result.headError.isComplete or false then
              result.headError.message
            else
              "TypeError: ${result.headError.message}"
          );
          valueMeta = { };
        }
      else if wrong != [ ] then
        {
          value = throwIncoherent loc type;
          valueMeta = { };
        }
      else
        {
          inherit (result) value;
          valueMeta = result.valueMeta or { };
        }
    else
      {
        value = if wrong == [ ] then type.merge loc defs else refuse "Definition values:${showDefs wrong}";
        valueMeta = { };
      };

  /*
    What a type of the newer kind gets when `check` was replaced under it: its
    merge accepts what its check refuses.
  */
  throwIncoherent =
    loc: type:
    throw ''
      The option `${showOption loc}' has a type `${type.description}' that uses an ad-hoc `type // { check = ...; }' override, which is incompatible with the way this type merges its definitions.
      Please use `lib.types.addCheck` instead of `type // { check }' to add custom validation.'';

  api = rec {
    inherit (lib.properties)
      defaultOrderPriority
      defaultOverridePriority
      dischargeProperties
      filterOverrides
      filterOverrides'
      mkAfter
      mkAliasAndWrapDefinitions
      mkAliasAndWrapDefsWithPriority
      mkAliasDefinitions
      mkAliasIfDef
      mkAssert
      mkBefore
      mkDefault
      mkDefinition
      mkDerivedConfig
      mkFixStrictness
      mkForce
      mkIf
      mkImageMediaOverride
      mkMerge
      mkOptionDefault
      mkOrder
      mkOverride
      mkVMOverride
      pushDownProperties
      sortProperties
      ;

    inherit (lib.moduleLoading)
      applyModuleArgsIfFunction
      collectModules
      unifyModuleSyntax
      ;

    inherit (lib.moduleRenames)
      doRename
      mkAliasOptionModule
      mkAliasOptionModuleMD
      mkChangedOptionModule
      mkMergedOptionModule
      mkRemovedOptionModule
      mkRenamedOptionModule
      mkRenamedOptionModuleWith
      ;

    /**
      Evaluate modules into `config` (the values) and `options` (everything
      known of each option).

      - `modules`: paths, functions, sets; the first ones count first in messages
      - `specialArgs`: arguments for modules that `imports` may depend on
      - `prefix`: the option path that this evaluation stands at
      - `class`: what kind of configuration it is; a module of another kind fails

      The result also has `extendModules` (the same with more modules), `type`
      (a submodule type of it), `class`, `_module` and `graph` (who imports whom).

      Type: `evalModules :: { modules, prefix ?, specialArgs ?, class ? } -> { options, config, extendModules, type, class, _module, graph }`

      Example: `(evalModules { modules = [ { options.a = mkOption { }; } { a = 1; } ]; }).config.a` is `1`
    */
    evalModules =
      evalArgs@{
        modules,
        prefix ? [ ],
        specialArgs ? { },
        class ? null,
        # Old names for what `_module.args` and `_module.check` say.
        args ? { },
        check ? true,
      }:
      let
        regular =
          modules
          ++ optional (evalArgs ? args) { config._module.args = args; }
          ++ optional (evalArgs ? check) { config._module.check = lib.mkDefault check; };

        moduleArgs = {
          inherit
            lib
            options
            specialArgs
            ;
          # Unchecked: the check itself may need what modules make of it.
          config = addErrorContext recursionHint values;
          _class = class;
          _prefix = prefix;
        }
        // specialArgs;

        collected = collectModules class (specialArgs.modulesPath or "") (
          regular
          ++ [
            (internalModule {
              inherit
                prefix
                specialArgs
                extendModules
                type
                ;
            })
          ]
        ) moduleArgs;

        ordered = reverseList collected.modules;

        merged = mergeTree prefix (map (m: {
          inherit (m) _file;
          options = checkOptionsAttr m;
        }) ordered) (
          map (m: {
            file = m._file;
            value = m.config;
          }) ordered
        );

        inherit (merged) options unmatched;
        declared = merged.config;
        inherit (declared._module) freeformType;

        freeform =
          if unmatched == [ ] then
            freeformType.merge prefix [ ]
          else
            freeformType.merge prefix (
              map (def: {
                inherit (def) file;
                value = setAttrByPath (lib.drop (length prefix) def.prefix) def.value;
              }) unmatched
            );

        values = if freeformType == null then declared else lib.recursiveUpdate freeform declared;

        checked =
          result:
          if declared._module.check && freeformType == null && unmatched != [ ] then
            throwUnmatched prefix options unmatched
          else
            result;

          extendModules =
          {
            modules ? [ ],
            specialArgs ? { },
            prefix ? [ ],
          }@more:
          evalModules (
            removeAttrs evalArgs [
              "args"
              "check"
            ]
            // {
              modules = regular ++ modules;
              specialArgs = evalArgs.specialArgs or { } // specialArgs;
              prefix = more.prefix or evalArgs.prefix or [ ];
            }
          );

        type = types.submoduleWith {
          inherit modules specialArgs class;
        };
      in
      {
        _type = "configuration";
        inherit
          class
          extendModules
          type
          ;
        options = checked options;
        config = checked (removeAttrs values [ "_module" ]);
        _module = checked declared._module;
        # Without the module of the library's own, which comes last.
        graph = lib.init collected.graph;
      };

    /**
      A module that errors and messages shall say is from a file.

      Type: `setDefaultModuleLocation :: Path -> Module -> Module`

      Example: `setDefaultModuleLocation "f" { }` is `{ _file = "f"; imports = [ { } ]; }`
    */
    setDefaultModuleLocation = file: m: {
      _file = file;
      imports = [ m ];
    };

    /**
      The module that a file gives when it is called with arguments of one's
      own first.

      Type: `importApply :: Path -> a -> Module`
    */
    importApply = path: args: setDefaultModuleLocation path (import path args);

    /**
      A module whose definitions are in a JSON file.

      Type: `importJSON :: Path -> Module`
    */
    importJSON = file: {
      _file = file;
      config = lib.importJSON file;
    };

    /**
      A module whose definitions are in a TOML file.

      Type: `importTOML :: Path -> Module`
    */
    importTOML = file: {
      _file = file;
      config = lib.importTOML file;
    };

    /**
      Merge the declarations of one option.

      Type: `mergeOptionDecls :: [String] -> [{ _file, options, … }] -> AttrSet`
    */
    mergeOptionDecls =
      loc: decls:
      let
        name = last loc;
        merge =
          acc: decl:
          let
            o = decl.options;
            old = acc.decl;
            conflict = throw "The option `${showOption loc}' in `${decl._file}' is already declared in ${showFiles acc.declarations}.";
            bothHave = attr: o ? ${attr} && old ? ${attr};
            mergedType = if bothHave "type" then old.type.typeMerge o.type.functor else o.type or old.type;
            subModules = o.type.getSubModules or null;
          in
          if
            bothHave "default"
            || bothHave "example"
            || bothHave "description"
            || bothHave "apply"
            || (bothHave "type" && mergedType == null)
          then
            conflict
          else
            {
              decl = old // o // optionalAttrs (o ? type || old ? type) { type = mergedType; };
              declarations = acc.declarations ++ [ decl._file ];
              positions = acc.positions ++ [ (positionOf name decl) ];
              modules =
                if subModules == null then
                  acc.modules
                else
                  map (setDefaultModuleLocation decl._file) subModules ++ acc.modules;
            };
      in
      builtins.foldl' merge {
        decl = { };
        declarations = [ ];
        positions = [ ];
        modules = [ ];
      } decls
      // {
        inherit loc;
      };

    /**
      A merged declaration with its final type: one that takes modules gets all
      of them, each with its file.

      Type: `fixupOptionType :: [String] -> AttrSet -> AttrSet`
    */
    fixupOptionType =
      loc: opt:
      let
        type = opt.decl.type or types.unspecified;
      in
      opt
      // {
        type = if type.getSubModules or null == null then type else type.substSubModules opt.modules;
      };

    /**
      Evaluate one option from its merged declaration and definitions.

      Type: `evalOptionValue :: [String] -> AttrSet -> [Definition] -> Option`
    */
    evalOptionValue =
      loc: opt: defs:
      (
        if opt ? decl then
          evalMerged loc opt defs
        else
          evalOption loc opt (opt.type or types.unspecified) (opt.declarations or [ ]) (opt.declarationPositions
            or [ ]
          ) defs
      ).options;

    /**
      Merge the definitions of one place by a type. `mergedValue` is the value,
      `isDefined` says whether there is one, `optionalValue` is a set that has
      `value` only then, `defsFinal` are the definitions that counted.

      Type: `mergeDefinitions :: [String] -> OptionType -> [Definition] -> AttrSet`

      Example: `(mergeDefinitions [ "a" ] types.int [ { file = "f"; value = mkIf true 1; } ]).mergedValue` is `1`
    */
    mergeDefinitions =
      loc: type: defs:
      let
        # Definitions that say their file themselves.
        located =
          file: value:
          if isAttrs value && value._type or null == "definition" then
            map (v: {
              inherit (value) file;
              value = v;
            }) (dischargeProperties value.value)
          else
            [ { inherit file value; } ];

        discharged = concatMap (
          def:
          addErrorContext "while evaluating definitions from `${def.file}':" (
            if isPlain def.value then [ def ] else concatMap (located def.file) (dischargeProperties def.value)
          )
        ) defs;

        defsFinal' =
          let
            first = head discharged;
          in
          if discharged == [ ] then
            {
              values = [ ];
              highestPrio = 9999;
            }
          else if isPlain first.value && all (def: isPlain def.value) (tail discharged) then
            {
              values = discharged;
              highestPrio = defaultOverridePriority;
            }
          else
            let
              winners = filterOverrides' discharged;
            in
            {
              values = sortProperties winners.values;
              inherit (winners) highestPrio;
            };

        defsFinal = defsFinal'.values;
        isDefined = defsFinal != [ ];

        checkedAndMerged =
          if isDefined then
            checkAndMerge loc type defsFinal
          else if type.emptyValue ? value then
            checkAndMerge loc type [
              {
                file = "<empty value of ${type.description or type.name}>";
                value = type.emptyValue.value;
              }
            ]
          else
            {
              value = throw "The option `${showOption loc}' was accessed but has no value defined. Try setting the option.";
              valueMeta = { };
            };
      in
      {
        inherit
          checkedAndMerged
          defsFinal
          defsFinal'
          isDefined
          ;
        mergedValue = checkedAndMerged.value;
        valueMeta = checkedAndMerged.valueMeta;
        optionalValue = if isDefined then { inherit (checkedAndMerged) value; } else { };
      };

    /**
      Apply a function to the value inside a definition's properties.

      Type: `mapDefinitionValue :: (a -> b) -> Property a -> Property b`

      Example: `lib.modules.mapDefinitionValue (x: x + 1) (mkForce 5)` is `mkForce 6`
    */
    mapDefinitionValue =
      f: value:
      if !(isAttrs value && value ? _type) then
        f value
      else if value._type == "merge" then
        value // { contents = map (mapDefinitionValue f) value.contents; }
      else if value._type == "definition" then
        value // { value = mapDefinitionValue f value.value; }
      else if value._type == "if" || value._type == "override" || value._type == "order" then
        value // { content = mapDefinitionValue f value.content; }
      else
        f value;

    /**
      For an option of sets: each attribute's value with the priority that won.

      Type: `mergeAttrDefinitionsWithPrio :: Option -> { ${name} :: { value, highestPrio } }`
    */
    mergeAttrDefinitionsWithPrio =
      opt:
      let
        defsByAttr = zipAttrsWith (_: found: found) (
          concatMap (
            def:
            map (mapAttrs (
              _: value: {
                inherit (def) file;
                inherit value;
              }
            )) (pushDownProperties def.value)
          ) opt.definitionsWithLocations
        );
      in
      mapAttrs (
        name: defs:
        let
          merged = mergeDefinitions (opt.loc ++ [ name ]) opt.type.nestedTypes.elemType defs;
        in
        {
          value = merged.mergedValue;
          inherit (merged.defsFinal') highestPrio;
        }
      ) defsByAttr;

    /**
      Merge modules that are already in full form into options, and the
      definitions that none of these took.

      Type: `mergeModules :: [String] -> [AttrSet] -> { matchedOptions :: AttrSet; unmatchedDefns :: [AttrSet]; }`
    */
    mergeModules =
      prefix: modules:
      mergeModules' prefix (map (m: { inherit (m) _file options; }) modules) (
        map (m: {
          file = m._file;
          value = m.config;
        }) modules
      );

    /**
      `mergeModules` from declarations and definitions.

      Type: `mergeModules' :: [String] -> [{ _file, options }] -> [{ file, value }] -> { matchedOptions, unmatchedDefns }`
    */
    mergeModules' =
      prefix: decls: defs:
      let
        merged = mergeTree prefix decls defs;
      in
      {
        matchedOptions = merged.options;
        unmatchedDefns = merged.unmatched;
      };
  };
in
api
