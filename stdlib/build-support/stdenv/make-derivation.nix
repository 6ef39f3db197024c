/**
  `stdenv.mkDerivation`: a derivation whose build is a sequence of phases, see `setup.sh`.

  The argument is a set, or a function from the final attributes to a set; `overrideAttrs` runs the whole again with the
  changed set, so what refers to `finalAttrs` follows. Attributes that only the language needs (`passthru`, `meta`) do not
  enter the derivation.
*/
{ stdenv, shell, system }:

let
  inherit (builtins) concatLists elem filter head isFunction isList listToAttrs mapAttrs removeAttrs unsafeGetAttrPos;

  # Attributes that are not handed to the builder.
  ours = [ "passthru" "meta" "env" "pos" "__contentAddressed" ];

  asList = value: if isList value then value else [ value ];
  present = filter (input: input != null && input != false);

  # The output of an input that a build should see: its development output where it has one.
  forBuilding = input: input.dev or input;

  build = recipe:
    let
      attrs = recipe final;
      final = attrs // { finalPackage = package; inherit (package) outPath; };

      name = attrs.name or "${attrs.pname}-${attrs.version}";
      outputs = attrs.outputs or [ "out" ];
      inputs = field: map forBuilding (present (concatLists (map asList (attrs.${field} or [ ]))));

      checkInputs = field: if attrs.doCheck or false then inputs field else [ ];
      installCheckInputs = field: if attrs.doInstallCheck or false then inputs field else [ ];

      derivationAttrs =
        removeAttrs attrs ours
        // attrs.env or { }
        // {
          inherit name outputs stdenv system;
          builder = attrs.builder or shell;
          args = attrs.args or [ "-e" (attrs.builderScript or ./default-builder.sh) ];
          nativeBuildInputs =
            inputs "nativeBuildInputs"
            ++ inputs "depsBuildBuild"
            ++ checkInputs "nativeCheckInputs"
            ++ installCheckInputs "nativeInstallCheckInputs";
          buildInputs = inputs "buildInputs" ++ checkInputs "checkInputs" ++ installCheckInputs "installCheckInputs";
          propagatedBuildInputs = inputs "propagatedBuildInputs";
          propagatedNativeBuildInputs = inputs "propagatedNativeBuildInputs";
          patches = attrs.patches or [ ];
          configureFlags = attrs.configureFlags or [ ];
          doCheck = attrs.doCheck or false;
          doInstallCheck = attrs.doInstallCheck or false;
          strictDeps = attrs.strictDeps or false;
        }
        // (
          if attrs.__contentAddressed or false then
            { __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; }
          else
            { }
        );

      drv = derivation derivationAttrs;
      position =
        attrs.pos or (if attrs ? pname then unsafeGetAttrPos "pname" attrs else unsafeGetAttrPos "name" attrs);

      overrideAttrs = change: build (self:
        let
          before = recipe self;
          # One argument is what was there before; of two, the first is the final result.
          once = change before;
          changed = if !isFunction change then change else if isFunction once then change self before else once;
        in
        before // changed);

      extra = {
        inherit overrideAttrs outputs;
        drvAttrs = derivationAttrs;
        inputDerivation = derivation (removeAttrs derivationAttrs [ "outputHash" "outputHashAlgo" "outputHashMode" ] // {
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

      # Every output is the whole package seen from one side, and leads to all the others.
      about = extra // attrs.passthru or { };
      sides = listToAttrs (map (output: {
        name = output;
        value = drv.${output} // about // { outputSpecified = true; };
      }) outputs);
      package = drv // about // mapAttrs (_: side: side // sides) sides;
    in
    package;
in
argument: build (if isFunction argument then argument else _: argument)
