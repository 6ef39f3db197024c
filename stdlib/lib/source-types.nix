/**
  What a package's contents were made from, for `meta.sourceProvenance`.
*/
{ lib }:
builtins.mapAttrs (shortName: isSource: { inherit shortName isSource; }) {
  binaryBytecode = false;
  binaryFirmware = false;
  binaryNativeCode = false;
  fromSource = true;
  obfuscatedCode = false;
}
