/**
  Strings: the corners of splitting, escaping and conversion.
*/
{ lib }:
{
  splitKeepsEmptyParts = {
    expr = lib.splitString "," ",a,,b,";
    expected = [
      ""
      "a"
      ""
      "b"
      ""
    ];
  };
  separatorIsNoRegularExpression = {
    expr = lib.splitString ".*" "a.*b";
    expected = [
      "a"
      "b"
    ];
  };
  shellWords = {
    expr = lib.escapeShellArgs [
      ""
      "plain"
      "it's"
      "$x"
      "a\nb"
    ];
    expected = "'' plain 'it'\\''s' '$x' 'a\nb'";
  };
  nixStringsDoNotInterpolate = {
    expr = lib.strings.escapeNixString "\${x} \"q\" \\";
    expected = "\"\\\${x} \\\"q\\\" \\\\\"";
  };
  keywordsAreQuoted = {
    expr = map lib.strings.escapeNixIdentifier [
      "in"
      "inn"
      "a-b"
      "a.b"
      "é"
    ];
    expected = [
      "\"in\""
      "inn"
      "a-b"
      "\"a.b\""
      "\"é\""
    ];
  };
  integersMustBeWhole = {
    expr = lib.toInt "1.5";
    fails = true;
  };
  leadingZerosAreAmbiguous = {
    expr = lib.toInt "010";
    fails = true;
  };
  editDistances = {
    expr = [
      (lib.strings.levenshtein "" "abc")
      (lib.strings.levenshtein "services" "service")
      (lib.strings.levenshteinAtMost 1 "enable" "enabled")
      (lib.strings.levenshteinAtMost 2 "abcdef" "fedcba")
      (lib.strings.levenshteinAtMost 0 "x" "x")
    ];
    expected = [
      3
      1
      true
      false
      true
    ];
  };
  numbersSortAsNumbers = {
    expr = lib.naturalSort [
      "v10"
      "v9"
      "v9.10"
      "v9.9"
    ];
    expected = [
      "v9"
      "v9.9"
      "v9.10"
      "v10"
    ];
  };
}
