with builtins;
[ nixVersion langVersion (isInt currentTime) (isString currentSystem) (typeOf nixPath) (getEnv "SURELY_NOT_SET") (builtins.builtins.builtins ? map) (true && !false) (isNull null) (typeOf storeDir) ]
