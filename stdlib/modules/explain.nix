/**
  Options of a system, explained: what they are, their values, and every
  definition with its place. For `firn system options`.
*/
{
  lib,
  options,
}:
let
  inherit (builtins) tryEval;

  # Values as text. What fails, fails alone; what is deep is cut off.
  show =
    value:
    let
      cut = lib.generators.withRecursion {
        depthLimit = 6;
        throwOnDepthLimit = false;
      };
      text = lib.generators.toPretty { multiline = false; allowPrettyValues = true; } (cut value);
      result = tryEval (builtins.seq (builtins.stringLength text) text);
    in
    if result.success then result.value else "«fails»";

  textOf =
    v:
    if v == null then
      null
    else if builtins.isString v then
      v
    else
      v.text or (show v);

  given = opt: name: if opt ? ${name} then textOf opt.${name} else null;

  documented = lib.filter (o: (o.visible or true) != false && !(o.internal or false)) (
    lib.collect lib.isOption (removeAttrs options [ "_module" ])
  );
in
{
  # All that are documented, in short.
  list = map (opt: {
    name = lib.showOption opt.loc;
    type = opt.type.description or "unspecified";
    description = textOf (opt.description or null);
  }) documented;

  # One, in full; below an option of sets, the option of one of them.
  explain =
    name:
    let
      path = lib.splitString "." name;
      find =
        i: tree:
        if lib.isOption tree || i == builtins.length path then
          tree
        else
          find (i + 1) (tree.${builtins.elemAt path i} or (throw "there is no option '${name}'"));
      opt = find 0 options;
    in
    if !lib.isOption opt then
      {
        name = name;
        members = map (o: lib.showOption o.loc) (lib.collect lib.isOption opt);
      }
    else
      {
        name = lib.showOption opt.loc;
        type = opt.type.description or "unspecified";
        description = textOf (opt.description or null);
        default =
          if opt ? defaultText then
            textOf opt.defaultText
          else if opt ? default then
            show opt.default
          else
            null;
        example = given opt "example";
        value = show opt.value;
        readOnly = opt.readOnly or false;
        declarations = map (p: {
          file = toString p.file;
          inherit (p) line column;
        }) (opt.declarationPositions or [ ]);
        definitions = lib.imap0 (
          i: p:
          {
            file = toString p.file;
            inherit (p)
              line
              column
              priority
              used
              condition
              ;
            order = if p.order == 1000 then null else p.order;
          }
        ) opt.provenance;
        # The values that counted, in the order in which they were merged.
        values = map (d: {
          file = toString d.file;
          value = show d.value;
        }) opt.definitionsWithLocations;
      };

  # What a configuration sets, rather than the library: values, and where.
  set =
    let
      isOwn = file: !(lib.hasPrefix (toString ./.) (toString file));
      sets = opt: opt.highestPrio < 1000 && builtins.any (d: isOwn d.file) opt.definitionsWithLocations;
    in
    builtins.listToAttrs (
      map (
        opt:
        lib.nameValuePair (lib.showOption opt.loc) {
          value = builtins.unsafeDiscardStringContext (show opt.value);
        }
      ) (lib.filter sets documented)
    );
}
