builtins.addDrvOutputDependencies "s"
