let
  package =
    name: more:
    derivation {
      inherit name;
      system = "x86_64-linux";
      builder = "/bin/sh";
      args = [
        "-c"
        "PATH=/usr/bin:/bin; mkdir -p $out/bin; echo $name > $out/bin/${(builtins.parseDrvName name).name}"
      ];
    }
    // more;
in
{
  old = package "tool-1.0" { meta.description = "An <old> tool"; };
  new = package "tool-2.0" { };
  preview = package "tool-2.1pre1" { meta.priority = 10; };
  other = package "other-0.1" { meta.platforms = [ "x" ]; };
  group = {
    recurseForDerivations = true;
    member = package "member-3" { system = "i686-linux"; };
  };
  hidden.secret = package "secret-1" { };
  broken = throw "not today";
}
