builtins.addErrorContext "not shown" "value"
