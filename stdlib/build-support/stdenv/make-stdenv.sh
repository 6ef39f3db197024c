# Writes $out/setup: the tools of this environment in front of the phases.
for tool in $tools; do PATH=$tool/bin${PATH:+:$PATH}; done
export PATH
mkdir -p "$out"
{
  echo "# Made from a list of tools and setup.sh."
  echo "initialPath=\"$tools\""
  echo "defaultCompiler=\"$compiler\""
  # A development shell keeps the user's own locales.
  echo "[ -n \"\${IN_NIX_SHELL-}\" ] || export LOCPATH=\${LOCPATH:-$locales/lib/locale}"
  echo "export SHELL=$shell CONFIG_SHELL=$shell"
  cat "$setup"
} > "$out/setup"
