let base = { name = "n"; system = "s"; builder = "b"; __ignoreNulls = true; }; in (derivation (base // { x = null; })).drvPath == (derivation base).drvPath
