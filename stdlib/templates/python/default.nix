# A Python program: `firn build -f .` builds it, `firn develop -f .` opens a shell in which `python3 -m greet` runs it from
# here.
{
  pkgs ? import <firn> { },
}:
pkgs.python3Packages.buildPythonApplication {
  pname = "greet";
  version = "0.1";
  src = pkgs.lib.fileset.toSource {
    root = ./.;
    fileset = pkgs.lib.fileset.unions [
      ./pyproject.toml
      ./greet
    ];
  };
  dependencies = [ pkgs.python3Packages.jinja2 ];
  pythonImportsCheck = [ "greet" ];
  meta.mainProgram = "greet";
}
