/**
  Users' environments: what options become. Nothing here builds anything.
*/
{ lib }:
let
  configOf =
    module:
    (import ../home {
      inherit lib;
      modules = [ module ];
    }).config;
in
{
  filesHaveTexts = {
    expr = (configOf { programs.bash = { enable = true; shellAliases.ll = "ls -l"; }; }).home.file.".bashrc".text;
    expected = ''
      . "$HOME/.config/firn/session.sh"
      alias ll='ls -l'


    '';
  };
  variablesAreExported = {
    expr =
      lib.hasInfix "  export EDITOR=vim\n"
        (configOf { home.sessionVariables.EDITOR = "vim"; }).xdg.configFile."firn/session.sh".text;
    expected = true;
  };
  filesStayAtHome = {
    expr = map (a: a.message) (
      lib.filter (a: !a.assertion) (configOf { home.file."../x".text = "x"; }).assertions
    );
    expected = [ "home.file.\"../x\" is not below the home directory." ];
  };
  gitIsSetUp = {
    expr =
      (configOf { programs.git = { enable = true; package = null; settings.user.name = "Ada"; }; }).xdg.configFile."git/config".text;
    expected = "[user]\n\tname = \"Ada\"\n";
  };
  generationsAreMade = {
    expr = lib.isDerivation (configOf { home.file."a".text = "a"; }).home.generation;
    expected = true;
  };
  valuesAreHomes = {
    expr = map (value: lib.isDerivation (import ../home/from.nix { inherit value; }).generation) [
      { home.file."a".text = "a"; }
      ({ pkgs, ... }: { home.file."a".text = "a"; })
      { homeConfigurations.ada = import ../home { inherit lib; modules = [ { } ]; }; }
    ];
    expected = [
      true
      true
      true
    ];
  };
}
