# Sourced by builds of Python packages: every input that has modules is on the search path.
export PYTHONPATH=${PYTHONPATH-} SETUPTOOLS_USE_DISTUTILS=stdlib DETERMINISTIC_BUILD=1

_addPythonPath() {
  local place
  for place in "$1"/lib/python3*/site-packages; do addToSearchPath PYTHONPATH "$place"; done
}
addEnvHooks 0 _addPythonPath
