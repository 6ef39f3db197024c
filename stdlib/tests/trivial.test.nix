/**
  Combinators, integers and function arguments.
*/
{ lib }:
{
  pipeRunsFirstToLast = {
    expr = lib.pipe 3 [
      (x: x + 1)
      (x: x * 10)
      toString
    ];
    expected = "40";
  };
  negativeRemainderKeepsTheSign = {
    expr = map (lib.flip lib.mod 3) [
      7
      (-7)
      0
    ];
    expected = [
      1
      (-1)
      0
    ];
  };
  hexadecimalRoundTrip = {
    expr = map (n: lib.fromHexString (lib.toHexString n)) [
      0
      15
      16
      255
      9223372036854775807
    ];
    expected = [
      0
      15
      16
      255
      9223372036854775807
    ];
  };
  hexadecimalBeyondAnInteger = {
    expr = lib.fromHexString "8000000000000000";
    fails = true;
  };
  hexadecimalOfNothing = {
    expr = lib.fromHexString "0x";
    fails = true;
  };
  argumentsOfACallableSet = {
    expr = lib.functionArgs {
      __functor =
        _:
        { a, b ? 1 }:
        a;
    };
    expected = {
      a = false;
      b = true;
    };
  };
  overlaysSeeWhatCameBefore = {
    expr =
      let
        set = lib.makeExtensible (final: {
          a = 1;
          sum = final.a + final.b or 0;
        });
        more = set.extend (lib.composeManyExtensions [
          (final: prev: { a = prev.a + 10; })
          (final: prev: { b = prev.a; })
        ]);
      in
      more.sum;
    expected = 22;
  };
}
