# Ties the nodes of a lock file together. A node says which nodes its inputs are (`inputs`), whether it is a flake (`isFlake`), and
# where it lies: at `path` in a tree of its own (`source`), or in the tree of another node (`parent`). Nothing is fetched or
# evaluated before it is asked for.
nodes: root:

let
  made = builtins.mapAttrs (
    _: node:
    let
      sourceInfo = if node.parent == null then node.source else made.${node.parent}.sourceInfo;
      base = if node.parent == null then sourceInfo.outPath else made.${node.parent}.outPath;
      outPath = if node.path == "" then base else base + "/" + node.path;
      definition = import (outPath + "/flake.nix");
      inputs = builtins.mapAttrs (_: key: made.${key}.value) node.inputs;
      outputs = definition.outputs (inputs // { self = flake; });
      flake =
        outputs
        // sourceInfo
        // {
          inherit outPath inputs outputs sourceInfo;
          _type = "flake";
        };
    in
    {
      inherit outPath sourceInfo;
      value =
        if !node.isFlake then
          sourceInfo // { inherit outPath sourceInfo; }
        else
          assert builtins.isFunction definition.outputs;
          flake;
    }
  ) nodes;
in
made.${root}.value
