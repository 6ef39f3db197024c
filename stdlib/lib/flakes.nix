/**
  References to flakes, read and written by the evaluator.
*/
{ lib }:
{
  inherit (builtins) flakeRefToString parseFlakeRef;
}
