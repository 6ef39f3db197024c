/**
  Pieces of text that depend on each other, put in order: activation scripts
  are made of them.
*/
{ lib }:
rec {
  /**
    The texts of the named entries, each after what it depends on, as a list.

    Type: `textClosureList :: { ${name} :: Entry } -> [(String | Entry)] -> [String]`

    Example: `textClosureList { a = noDepEntry "A"; b = fullDepEntry "B" [ "a" ]; } [ "b" ]` is `[ "A" "B" ]`
  */
  textClosureList =
    predefined: entries:
    let
      visit =
        done: todo:
        if todo == [ ] then
          {
            result = [ ];
            inherit done;
          }
        else
          let
            entry = builtins.head todo;
            rest = builtins.tail todo;
          in
          if builtins.isAttrs entry then
            let
              deps = visit done entry.deps;
              after = visit deps.done rest;
            in
            {
              result = deps.result ++ [ entry.text ] ++ after.result;
              inherit (after) done;
            }
          else if done ? ${entry} then
            visit done rest
          else
            visit (done // { ${entry} = true; }) ([ predefined.${entry} ] ++ rest);
    in
    (visit { } entries).result;

  /**
    `textClosureList` with a function applied to the texts, joined by lines.

    Type: `textClosureMap :: (String -> String) -> AttrSet -> [(String | Entry)] -> String`

    Example: `textClosureMap (t: t) { a = noDepEntry "A"; } [ "a" ]` is `"A"`
  */
  textClosureMap = f: predefined: names: lib.concatMapStringsSep "\n" f (textClosureList predefined names);

  /**
    An entry that depends on nothing.

    Type: `noDepEntry :: String -> Entry`

    Example: `noDepEntry "x"` is `{ deps = [ ]; text = "x"; }`
  */
  noDepEntry = text: {
    inherit text;
    deps = [ ];
  };

  /**
    An entry with what it depends on.

    Type: `fullDepEntry :: String -> [String] -> Entry`

    Example: `fullDepEntry "x" [ "a" ]` is `{ deps = [ "a" ]; text = "x"; }`
  */
  fullDepEntry = text: deps: { inherit text deps; };

  /**
    An entry that only collects others.

    Type: `packEntry :: [String] -> Entry`

    Example: `packEntry [ "a" ]` is `{ deps = [ "a" ]; text = ""; }`
  */
  packEntry = deps: {
    inherit deps;
    text = "";
  };

  /**
    `fullDepEntry` with its arguments swapped.

    Type: `stringAfter :: [String] -> String -> Entry`

    Example: `stringAfter [ "a" ] "x"` is `{ deps = [ "a" ]; text = "x"; }`
  */
  stringAfter = deps: text: { inherit text deps; };
}
