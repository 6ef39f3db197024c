# A small module system: options declared and defined in many modules, merged by type.
let
  inherit (builtins) attrNames attrValues concatLists concatMap elem filter foldl' genList head isAttrs isFunction length listToAttrs mapAttrs toString zipAttrsWith;
  mkOption = { type, default ? null, description ? "" }: { _type = "option"; inherit type default description; };
  mkIf = condition: content: { _type = "if"; inherit condition content; };
  mkForce = content: { _type = "override"; priority = 50; inherit content; };
  types = {
    int = { merge = defs: if length defs == 1 then (head defs).value else throw "conflict"; };
    sum = { merge = defs: foldl' (acc: def: acc + def.value) 0 defs; };
    list = { merge = defs: concatLists (map (def: def.value) defs); };
    attrs = { merge = defs: foldl' (acc: def: acc // def.value) { } defs; };
  };
  discharge = def:
    if def.value ? _type && def.value._type == "if"
    then (if def.value.condition then discharge { inherit (def) file; value = def.value.content; } else [ ])
    else if def.value ? _type && def.value._type == "override"
    then map (d: d // { inherit (def.value) priority; }) (discharge { inherit (def) file; value = def.value.content; })
    else [ { priority = 100; inherit (def) file value; } ];
  highest = defs:
    let best = foldl' (acc: d: if d.priority < acc then d.priority else acc) 9999 defs;
    in filter (d: d.priority == best) defs;
  evalOption = option: defs:
    let final = highest (concatMap discharge defs);
    in if final == [ ] then option.default else option.type.merge final;
  isOption = x: isAttrs x && x ? _type && x._type == "option";
  evalTree = options: configs:
    mapAttrs (name: option:
      let defs = concatMap (c: if c.value ? ${name} then [ { inherit (c) file; value = c.value.${name}; } ] else [ ]) configs;
      in if isOption option then evalOption option defs else evalTree option defs) options;
  mergeOptions = zipAttrsWith (name: values: if length values == 1 then head values else mergeOptions values);
  evalModules = modules:
    let
      applied = map (m: if isFunction m then m { inherit config; lib = { inherit mkIf mkForce mkOption types; }; } else m) modules;
      options = mergeOptions (map (m: m.options or { }) applied);
      config = evalTree options (genList (i: { file = "m${toString i}"; value = (builtins.elemAt applied i).config or { }; }) (length applied));
    in config;
  module = i: { config, lib }: {
    options.services."s${toString i}" = {
      enable = lib.mkOption { type = lib.types.int; default = 0; };
      port = lib.mkOption { type = lib.types.int; default = 80; };
      packages = lib.mkOption { type = lib.types.list; default = [ ]; };
      settings = lib.mkOption { type = lib.types.attrs; default = { }; };
    };
    options.total = if i == 0 then lib.mkOption { type = lib.types.sum; default = 0; } else { };
    config = {
      services."s${toString i}" = {
        enable = lib.mkForce 1;
        packages = lib.mkIf (i - (i / 2) * 2 == 0) [ "p${toString i}" ];
        settings = { "k${toString i}" = config.services."s${toString i}".port; };
      };
      total = lib.mkIf (config.services."s${toString i}".enable == 1) i;
    };
  };
  config = evalModules (genList module 3000);
  count = s: length s.packages + s.settings.${head (attrNames s.settings)};
in
foldl' (acc: s: acc + count s) config.total (attrValues config.services)
