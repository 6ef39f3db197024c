builtins.storePath /not/in/store
