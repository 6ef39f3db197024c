[ (builtins.compareVersions builtins.nixVersion "2.3" > 0) builtins.langVersion ]
