# Derivations of every shape that both tools must agree on to the bit: inputs, several outputs, a fixed-output source, a
# source tree, a file made by the evaluator, structured attributes, arguments, contexts through strings.
let
  system = "x86_64-linux";
  sh = script: { inherit system; builder = "/bin/sh"; args = [ "-ec" script ]; };

  source = derivation (sh "printf 'source\\n' > $out" // {
    name = "source.txt";
    outputHashMode = "flat";
    outputHashAlgo = "sha256";
    outputHash = builtins.hashString "sha256" "source\n";
  });

  script = builtins.toFile "script.sh" "read line < ${./data}/greeting; echo \"$line, $1\"\n";

  library = derivation (sh ''
    mkdir "$out" "$dev" "$doc"
    echo library > "$out/lib"
    echo "$out" > "$dev/pointer"
    echo words > "$doc/text"
  '' // {
    name = "library-1.0";
    outputs = [ "out" "dev" "doc" ];
    empty = "";
    number = 42;
    flag = true;
    nothing = null;
    list = [ "a" 1 [ true ./data/greeting ] ];
  });

  program = derivation (sh ''
    { read line < ${source}; echo "$line"; /bin/sh ${script} "$who"; read line < ${library.dev}/pointer; echo "$line"; } > "$out"
  '' // {
    name = "program";
    who = "you there";
    passAsFile = [ "long" ];
    long = "a text that is passed as a file\n";
  });

  structured = derivation {
    inherit system;
    name = "structured";
    builder = "/bin/sh";
    # No shell variables: the outputs' paths are in the JSON, too.
    args = [ "-ec" ''
      json=$(cat "$NIX_ATTRS_JSON_FILE")
      for output in out bin; do
        path=$(echo "$json" | sed "s|.*\"outputs\":{[^}]*\"$output\":\"\([^\"]*\)\".*|\1|")
        echo "$json" | sed 's|.*"nested":{\([^}]*\).*|\1|' > "$path"
      done
    '' ];
    __structuredAttrs = true;
    outputs = [ "out" "bin" ];
    text = "ünï \"quoted\"\n";
    nested = { b = [ 1 2.5 { } ]; a = null; path = ./data/greeting; };
    inputs = [ library.doc ];
  };
in
{ inherit source library program structured; }
