/**
  The module system: what becomes of definitions, declarations and imports.
*/
{ lib }:
let
  inherit (lib)
    mkForce
    mkDefault
    mkIf
    mkMerge
    mkOption
    types
    ;

  # The configuration that modules make, without what is internal.
  configOf = modules: (lib.evalModules { inherit modules; }).config;

  option = type: mkOption { inherit type; };
  withDefault = type: default: mkOption { inherit type default; };
in
{
  conditionsAndPriorities = {
    expr = configOf [
      {
        options.a = withDefault types.int 0;
        options.b = withDefault (types.listOf types.str) [ "default" ];
        options.c = option types.str;
      }
      {
        a = mkMerge [
          (mkIf false 1)
          (mkDefault 2)
          3
        ];
        b = mkIf true [ "x" ];
        c = mkForce (mkIf true "forced");
      }
      { b = lib.mkBefore [ "first" ]; c = "plain"; }
    ];
    expected = {
      a = 3;
      b = [
        "first"
        "x"
      ];
      c = "forced";
    };
  };
  conditionOnAWholeModule = {
    expr = configOf [
      ({ config, ... }: {
        options.on = withDefault types.bool false;
        options.value = withDefault types.int 1;
        config = mkIf config.on { value = 2; };
      })
      { on = true; }
    ];
    expected = {
      on = true;
      value = 2;
    };
  };
  definitionsKeepTheOrderOfTheirModules = {
    expr =
      (configOf [
        { options.l = option (types.listOf types.int); }
        { l = [ 1 ]; imports = [ { l = [ 2 ]; } ]; }
        { l = [ 3 ]; }
      ]).l;
    # Later modules come first, what is imported before what imports it.
    expected = [
      2
      3
      1
    ];
  };
  submodulesKnowTheirName = {
    expr = configOf [
      {
        options.users = option (
          types.attrsOf (
            types.submodule (
              { name, ... }:
              {
                options.home = withDefault types.str "/home/${name}";
                options.shell = withDefault types.str "sh";
              }
            )
          )
        );
      }
      { users.ada = { }; }
      { users.bob.home = "/b"; }
      { users.ada.shell = "fish"; }
    ];
    expected.users = {
      ada = {
        home = "/home/ada";
        shell = "fish";
      };
      bob = {
        home = "/b";
        shell = "sh";
      };
    };
  };
  freeformTakesTheRest = {
    expr = configOf [
      {
        freeformType = types.attrsOf types.int;
        options.named = withDefault types.str "n";
      }
      { x = 1; }
    ];
    expected = {
      named = "n";
      x = 1;
    };
  };
  importedTwiceCountsOnce = {
    expr =
      let
        shared = {
          key = "shared";
          l = [ 1 ];
        };
      in
      (configOf [
        { options.l = option (types.listOf types.int); }
        { imports = [ shared ]; }
        { imports = [ shared ]; }
      ]).l;
    expected = [ 1 ];
  };
  disabledByKey = {
    expr =
      (configOf [
        { options.l = withDefault (types.listOf types.int) [ ]; }
        {
          key = "gone";
          l = [ 1 ];
        }
        { disabledModules = [ { key = "gone"; } ]; }
      ]).l;
    expected = [ ];
  };
  renamedOptionsPassDefinitionsOn = {
    expr =
      (configOf [
        (lib.mkAliasOptionModule [ "old" ] [ "new" ])
        { options.new = option types.int; }
        { old = mkForce 2; }
        { new = 1; }
      ]).new;
    expected = 2;
  };
  removedOptionsFailTheirAssertion = {
    expr =
      map (a: a.assertion)
        (configOf [
          (lib.mkRemovedOptionModule [ "old" ] "It is gone.")
          { options.assertions = option (types.listOf types.raw); }
          { old = 1; }
        ]).assertions;
    expected = [ false ];
  };
  whoDefinedIt = {
    expr =
      (lib.evalModules {
        modules = [
          { options.a = withDefault types.int 0; }
          {
            _file = "one.nix";
            a = 1;
          }
          {
            _file = "two.nix";
            a = mkDefault 2;
          }
        ];
      }).options.a.definitionsWithLocations;
    expected = [
      {
        file = "one.nix";
        value = 1;
      }
    ];
  };
  whereEverythingIsFrom = {
    expr =
      let
        inherit
          (lib.evalModules {
            modules = [
              { options.a.b = withDefault types.int 0; }
              {
                _file = "here.nix";
                a.b = mkDefault 2;
              }
              {
                _file = "there.nix";
                config = mkIf true { a = mkIf false { b = 3; }; };
              }
              {
                _file = "forced.nix";
                config = mkForce { a.b = 4; };
              }
            ];
          })
          options
          ;
        lines = map (d: d.line != null) options.a.b.provenance;
      in
      {
        inherit lines;
        definitions = map (
          d: "${d.file} ${toString d.priority} ${builtins.toJSON d.condition} ${lib.boolToString d.used}"
        ) options.a.b.provenance;
      };
    expected = {
      lines = [
        false
        true
        true
        true
      ];
      definitions = [
        "<unknown-file> 1500 null false"
        "forced.nix 50 null true"
        "there.nix 100 false false"
        "here.nix 1000 null false"
      ];
    };
  };
  extendedConfigurations = {
    expr =
      let
        base = lib.evalModules {
          modules = [
            { options.a = withDefault types.int 1; }
          ];
        };
      in
      (base.extendModules { modules = [ { a = 2; } ]; }).config.a + base.config.a;
    expected = 3;
  };
  wrongType = {
    expr = configOf [
      { options.a = option types.int; }
      { a = "x"; }
    ];
    fails = true;
  };
  wrongElement = {
    expr = configOf [
      { options.a = option (types.listOf types.int); }
      {
        a = [
          1
          "x"
        ];
      }
    ];
    fails = true;
  };
  undeclared = {
    expr = configOf [
      { options.enable = option types.bool; }
      { enabel = true; }
    ];
    fails = true;
  };
  undefined = {
    expr = configOf [ { options.a = option types.int; } ];
    fails = true;
  };
  conflictingDefinitions = {
    expr = configOf [
      { options.a = option types.int; }
      { a = 1; }
      { a = 2; }
    ];
    fails = true;
  };
  readOnlyTwice = {
    expr = configOf [
      {
        options.a = mkOption {
          type = types.int;
          default = 1;
          readOnly = true;
        };
      }
      { a = 2; }
    ];
    fails = true;
  };
  # A condition inside a list or a set decides whether the element is there.
  conditionalElements = {
    expr = configOf [
      {
        options.l = option (types.listOf types.int);
        options.s = option (types.attrsOf types.int);
        options.n = option (types.nullOr types.int);
      }
      {
        l = [
          1
          (mkIf false 2)
          (mkIf true 3)
        ];
        s.a = mkIf false 1;
        s.b = mkForce 2;
        n = mkIf true null;
      }
    ];
    expected = {
      l = [
        1
        3
      ];
      s.b = 2;
      n = null;
    };
  };
}
