/**
  Network addresses.
*/
{ lib }:
let
  inherit (builtins)
    concatStringsSep
    elemAt
    filter
    isString
    length
    match
    split
    ;

  hex = n: lib.toLower (lib.toHexString n);

  parts = text: filter isString (split ":" text);

  group =
    address: digits:
    let
      n = lib.fromHexString digits;
    in
    if digits == "" then
      throw "${address} is not a valid IPv6 address"
    else if n > 65535 then
      throw "0x${digits} is not a valid u16 integer"
    else
      n;

  # The eight groups of an address without its prefix length.
  groupsOf =
    address:
    let
      sides = filter isString (split "::" address);
      numbers = side: if side == "" then [ ] else map (group address) (parts side);
      left = numbers (elemAt sides 0);
      right = numbers (elemAt sides 1);
      missing = 8 - length left - length right;
      invalid = throw "${address} is not a valid IPv6 address";
    in
    if match "[0-9a-fA-F:]+" address == null then
      throw "${address} contains malformed characters for IPv6 address"
    else if length sides == 1 then
      (if length left == 8 then left else invalid)
    else if length sides == 2 && missing >= 1 then
      left ++ lib.replicate missing 0 ++ right
    else
      invalid;
in
rec {
  /**
    Addresses of IPv6.
  */
  ipv6 = {
    /**
      An address, with or without a prefix length, in its plain form.

      Type: `fromString :: String -> { address :: String; prefixLength :: Int; }`

      Example: `lib.network.ipv6.fromString "2001:DB8::ffff/64"` is `{ address = "2001:db8:0:0:0:0:0:ffff"; prefixLength = 64; }`
    */
    fromString =
      text:
      let
        found = match "([^/]+)(/([0-9]+))?" text;
        length = elemAt found 2;
        prefixLength = if length == null then 128 else lib.toInt length;
      in
      if found == null then
        throw "${text} is not a valid IPv6 address in CIDR notation"
      else if prefixLength < 1 || prefixLength > 128 then
        throw "IPv6 subnet should be in range [1;128], got ${toString prefixLength}"
      else
        {
          address = concatStringsSep ":" (map hex (groupsOf (elemAt found 0)));
          inherit prefixLength;
        };

    /**
      The interface part that an Ethernet address gives an IPv6 one.

      Type: `mkEUI64Suffix :: String -> String`

      Example: `lib.network.ipv6.mkEUI64Suffix "12:34:56:78:9A:bc"` is `"1034:56ff:fe78:9abc"`
    */
    mkEUI64Suffix =
      mac:
      let
        digits = lib.toLower (lib.replaceStrings [ ":" "-" "." ] [ "" "" "" ] mac);
        byte = i: lib.fromHexString (builtins.substring (2 * i) 2 digits);
        # The bit that says whether an address is made by hand is turned round.
        first = builtins.bitXor (byte 0) 2;
        two = n: lib.fixedWidthString 2 "0" (hex n);
      in
      # One separator at most between two octets, if any.
      if match "([0-9a-fA-F]{2}[:.-]?){5}[0-9a-fA-F]{2}" mac == null then
        throw "\"${mac}\" is not a valid MAC address (expected 6 octets of hex digits)"
      else
        concatStringsSep ":" [
          (hex (first * 256 + byte 1))
          "${two (byte 2)}ff"
          "fe${two (byte 3)}"
          "${two (byte 4)}${two (byte 5)}"
        ];
  };
}
