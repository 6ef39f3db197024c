/**
  The tool that is running, as a package: what machines of a test have to
  switch themselves with. It brings the C library that packages here use.

  # Type
  `{ program } -> derivation`, where `program` is the path of the executable
*/
{
  runCommand,
  bootstrap,
}:

{ program }:
runCommand "firn"
  {
    program = builtins.path {
      path = program;
      name = "firn-program";
    };
    nativeBuildInputs = [ bootstrap.cc ];
    meta.mainProgram = "firn";
  }
  ''
    mkdir -p $out/bin
    cp $program $out/bin/firn
    chmod u+w $out/bin/firn
    strip --strip-all $out/bin/firn
    patchelf --set-interpreter ${bootstrap.runtimeLibs}/lib/ld-linux-x86-64.so.2 --set-rpath ${bootstrap.runtimeLibs}/lib $out/bin/firn
    for name in nix nix-build nix-store nix-env nix-instantiate nixos-rebuild; do ln -s firn $out/bin/$name; done
  ''
