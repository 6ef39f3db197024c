/**
  `stdenv.mkDerivation`: a derivation whose build is a sequence of phases, see `setup.sh`.

  The argument is a set, or a function from the final attributes to a set; `overrideAttrs` runs the whole again with the
  changed set, so what refers to `finalAttrs` follows. Attributes that only the language needs (`passthru`, `meta`) do not
  enter the derivation.
*/
{ stdenv, shell, system, allowedMeta ? _: true }:

let
  inherit (builtins) isFunction isList concatLists removeAttrs elem head filter;

  # Attributes that are not handed to the builder.
  ours = [ "passthru" "meta" "env" "pos" "__contentAddressed" ];

  asList = value: if isList value then value else [ value ];
  present = filter (input: input != null && input != false);

  # The output of an input that a build should see: its development output where it has one.
  forBuilding = input: input.dev or input;

  fix = f: let x = f x; in x;

  build = recipe:
    let
      attrs = recipe final;
      final = attrs // { finalPackage = package; inherit (package) outPath; };

      name = attrs.name or "${attrs.pname}-${attrs.version}";
      outputs = attrs.outputs or [ "out" ];
      inputs = field: map forBuilding (present (concatLists (map asList (attrs.${field} or [ ]))));

      derivationAttrs =
        removeAttrs attrs ours
        // attrs.env or { }
        // {
          inherit name system stdenv;
          builder = attrs.builder or shell;
          args = attrs.args or [ "-e" (attrs.builderScript or ./default-builder.sh) ];
          outputs = outputs;
          nativeBuildInputs = inputs "nativeBuildInputs" ++ inputs "depsBuildBuild" ++ checkInputs "nativeCheckInputs" ++ installCheckInputs "nativeInstallCheckInputs";
          buildInputs = inputs "buildInputs" ++ checkInputs "checkInputs" ++ installCheckInputs "installCheckInputs";
          propagatedBuildInputs = inputs "propagatedBuildInputs";
          propagatedNativeBuildInputs = inputs "propagatedNativeBuildInputs";
          patches = attrs.patches or [ ];
          configureFlags = attrs.configureFlags or [ ];
          doCheck = attrs.doCheck or false;
          doInstallCheck = attrs.doInstallCheck or false;
          strictDeps = attrs.strictDeps or false;
          userHook = null;
        }
        // (if attrs.__contentAddressed or false then { __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; } else { });
      checkInputs = field: if attrs.doCheck or false then inputs field else [ ];
      installCheckInputs = field: if attrs.doInstallCheck or false then inputs field else [ ];

      drv = derivation (removeAttrs derivationAttrs [ "userHook" ]);
      position =
        if attrs ? pos then attrs.pos
        else if attrs ? pname then builtins.unsafeGetAttrPos "pname" attrs
        else builtins.unsafeGetAttrPos "name" attrs;

      overrideAttrs = change: build (self:
        let
          before = recipe self;
          changed = if isFunction change then (let once = change self; in if isFunction once then once before else change before) else change;
        in
        before // changed);

      extra = {
        inherit overrideAttrs outputs;
        drvAttrs = derivationAttrs;
        inputDerivation = derivation (removeAttrs derivationAttrs [ "userHook" "outputs" "outputHash" "outputHashAlgo" "outputHashMode" ] // {
          name = "inputs-of-${name}";
          outputs = [ "out" ];
          args = [ "-c" "export > $out" ];
        });
        meta = {
          inherit name;
          available = true;
          position = if position == null then null else "${position.file}:${toString position.line}";
          outputsToInstall = attrs.meta.outputsToInstall or ([ (if elem "bin" outputs then "bin" else head outputs) ] ++ (if elem "man" outputs then [ "man" ] else [ ]));
        } // attrs.meta or { };
        passthru = attrs.passthru or { };
      };

      package = builtins.foldl' (set: output: set // { ${output} = drv.${output} // extra // attrs.passthru or { } // set'; }) (drv // extra // attrs.passthru or { } // set') outputs;
      set' = builtins.listToAttrs (map (output: { name = output; value = drv.${output} // extra // { outputSpecified = true; }; }) outputs);
    in
    package;
in
argument: build (if isFunction argument then argument else _: argument)
