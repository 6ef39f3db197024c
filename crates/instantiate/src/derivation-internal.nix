/**
  Describes something that can be built.

  # Input

  One set. `name`, `system` and `builder` have to be there; `args` are the words the builder is called with, `outputs` the
  names of what it makes (`[ "out" ]` if nothing is said). Every other attribute becomes a variable of the builder's
  environment, as the text that it is coerced to.

  # Result

  The same set, with more in it:

  - one attribute per output, itself such a set, and `all`, the list of these;
  - `outPath` and `drvPath`, texts that stand for the output and for the derivation;
  - `type`, which is `"derivation"`, `outputName`, and `drvAttrs`, the set as it was given.

  The texts carry what they stand for along, so that whatever they become part of depends on it.

  Nothing is written or built by looking at it. The build happens when someone asks for an output: a command, or an
  expression that reads it.

  This file is only the part that can be said in the language itself; the work is done by `derivationStrict`, once for
  all outputs, when the first of these texts is needed. Positions in it show up in error messages.
*/
drvAttrs@{
  outputs ? [ "out" ],
  # Whatever the builder gets.
  ...
}:

let

  # Made once, shared by every output.
  # It stays unevaluated until a path is asked for.

  strict = derivationStrict drvAttrs;

  # What the sets of all outputs have in common.
  commonAttrs = drvAttrs // builtins.listToAttrs byName // {
    inherit drvAttrs;
    all = map (output: output.value) byName;
  };


  # One named set for each output.
  describe = outputName: {
    name = outputName;
    value = commonAttrs // {
      outPath = builtins.getAttr outputName strict;
      drvPath = strict.drvPath;
      type = "derivation";
      inherit outputName;
    };
  };

  byName = map describe outputs;

in
(builtins.head byName).value
