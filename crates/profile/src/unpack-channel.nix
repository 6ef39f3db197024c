{
  name,
  channelName,
  src,
}:

derivation {
  inherit name channelName src;
  system = "builtin";
  builder = "builtin:unpack-channel";
  # Sending it elsewhere costs more than unpacking it.
  preferLocalBuild = true;
}
