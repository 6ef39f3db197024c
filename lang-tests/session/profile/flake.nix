{
  outputs =
    { self }:
    let
      package =
        name: file:
        derivation {
          inherit name;
          system = "x86_64-linux";
          builder = "/bin/sh";
          args = [
            "-c"
            "PATH=/usr/bin:/bin; mkdir -p $out/bin; echo $name > $out/bin/${file}"
          ];
        };
    in
    {
      packages.x86_64-linux = rec {
        default = tool;
        tool = package "tool-${builtins.readFile ./version}" "tool";
        rival = package "rival-1" "tool" // {
          meta.priority = 5;
        };
        quiet = package "quiet-1" "tool" // {
          meta.priority = 9;
        };
      };
    };
}
