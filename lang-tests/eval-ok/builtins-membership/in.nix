builtins ? map && builtins ? builtins && builtins.builtins ? toString && !(builtins ? nonsense)
