/**
  Addresses.
*/
{ lib }:
let
  suffix = lib.network.ipv6.mkEUI64Suffix;
in
{
  separatorsOfOctetsMayDiffer = {
    expr = map suffix [ "00:11:22:AA:BB:CC" "00-11-22-aa-bb-cc" "001122AABBCC" ];
    expected = lib.replicate 3 "211:22ff:feaa:bbcc";
  };
  twoSeparatorsBetweenOctets = {
    expr = suffix "00:-11:22:AA:BB:CC";
    fails = true;
  };
}
