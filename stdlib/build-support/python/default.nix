/**
  Packages for a Python, from source distributions, without a network.

  `buildPythonPackage` installs what `pip` makes of a source; what a package depends on is propagated, so that it can be
  imported wherever the package is. `withPackages` makes an interpreter that sees the packages chosen.

  # Example
  ```nix
  python3Packages.buildPythonPackage {
    pname = "six";
    version = "1.16.0";
    src = fetchPypi { pname = "six"; version = "1.16.0"; sha256 = "…"; };
    pythonImportsCheck = [ "six" ];
  }
  ```
*/
{
  lib,
  stdenv,
  fetchurl,
  python,
  bash,
}:

let
  inherit (python) sitePackages;

  self = rec {
    inherit python;

    /**
      A source distribution from a Python package index.

      # Type
      `{ pname, version, sha256 | hash, extension ?, file ? } -> derivation`
    */
    fetchPypi =
      {
        pname,
        version,
        sha256 ? "",
        hash ? "",
        extension ? "tar.gz",
        file ? "${pname}-${version}.${extension}",
      }:
      fetchurl {
        url = "mirror://pypi/${pname}/${version}/${file}";
        name = file;
        inherit sha256 hash;
      };

    # The tools that come with the interpreter as wheels, unpacked.
    bundled =
      name:
      stdenv.mkDerivation {
        pname = name;
        version = "bundled-${python.version}";
        phases = [ "installPhase" ];
        nativeBuildInputs = [ python ];
        installPhase = ''
          mkdir -p $out/${sitePackages}
          python3 -m zipfile -e ${python}/lib/python*/ensurepip/_bundled/${name}-*.whl $out/${sitePackages}
        '';
      };
    pip = bundled "pip";
    setuptools = bundled "setuptools";

    # The one package that cannot be made into a wheel first.
    wheel = stdenv.mkDerivation {
      pname = "wheel";
      version = "0.37.1";
      src = fetchPypi {
        pname = "wheel";
        version = "0.37.1";
        sha256 = "e9a504e793efbca1b8e0e9cb979a249cf4a0a7b5b8c9e8b65a5e39d49529c1c4";
      };
      nativeBuildInputs = [ python ];
      dontConfigure = true;
      dontBuild = true;
      installPhase = ''
        mkdir -p $out/${sitePackages}
        cp -r src/wheel $out/${sitePackages}/
        info=$out/${sitePackages}/wheel-0.37.1.dist-info
        mkdir "$info"
        cp PKG-INFO "$info/METADATA"
        printf '[distutils.commands]\nbdist_wheel = wheel.bdist_wheel:bdist_wheel\n' > "$info/entry_points.txt"
      '';
    };

    /**
      Installs a package from its source distribution.

      # Type
      `{ pname, version, src, dependencies ?, nativeBuildInputs ?, pythonImportsCheck ?, … } -> derivation`
    */
    buildPythonPackage =
      {
        nativeBuildInputs ? [ ],
        dependencies ? [ ],
        propagatedBuildInputs ? [ ],
        pythonImportsCheck ? [ ],
        passthru ? { },
        ...
      }@attrs:
      stdenv.mkDerivation (
        {
          dontConfigure = true;
          buildPhase = ''
            runHook preBuild
            python3 -m pip wheel --no-deps --no-index --no-build-isolation --no-cache-dir --wheel-dir dist .
            runHook postBuild
          '';
          installPhase = ''
            runHook preInstall
            python3 -m pip install --no-deps --no-index --no-cache-dir --no-compile --no-warn-script-location --prefix=$out dist/*.whl
            # Where the wheel lay during the build is nobody's concern.
            rm -f $out/${sitePackages}/*.dist-info/direct_url.json
            sed -i '/direct_url.json/d' $out/${sitePackages}/*.dist-info/RECORD
            python3 -m compileall -q -s $out -p / --invalidation-mode unchecked-hash $out/${sitePackages}
            runHook postInstall
          '';
          doInstallCheck = true;
          installCheckPhase = ''
            runHook preInstallCheck
            cd $TMPDIR
            for module in $pythonImportsCheck; do
              PYTHONPATH=$out/${sitePackages}:$PYTHONPATH python3 -c "import $module"
            done
            runHook postInstallCheck
          '';
        }
        // removeAttrs attrs [
          "dependencies"
          "passthru"
        ]
        // {
          inherit pythonImportsCheck;
          nativeBuildInputs = nativeBuildInputs ++ [
            python
            pip
            setuptools
            wheel
            ./search-path.sh
          ];
          pythonSitePackages = sitePackages;
          PYTHONHASHSEED = "0";
          propagatedBuildInputs = propagatedBuildInputs ++ dependencies;
          passthru = {
            pythonModule = python;
            inherit dependencies;
          }
          // passthru;
        }
      );
    buildPythonApplication = buildPythonPackage;

    # What a list of packages needs in order to be imported, each once.
    closure =
      packages:
      map (entry: entry.package) (
        builtins.genericClosure {
          startSet = map keyed packages;
          operator = entry: map keyed (entry.package.dependencies or [ ]);
        }
      );
    keyed = package: {
      key = package.outPath;
      inherit package;
    };

    /**
      The interpreter, with packages that it can import.

      # Example
      ```nix
      python3.withPackages (ps: [ ps.jinja2 ])
      ```
    */
    withPackages =
      choose:
      stdenv.mkDerivation {
        pname = "${python.pname}-with-packages";
        inherit (python) version;
        phases = [ "installPhase" ];
        packages = closure (choose self);
        installPhase = ''
          mkdir -p $out/bin
          places=
          for package in $packages; do places=$places''${places:+:}$package/${sitePackages}; done
          for program in ${python}/bin/*; do
            case ''${program##*/} in
              python*-config | 2to3* | idle* | pydoc*) continue ;;
            esac
            printf '#!%s/bin/bash\nexport PYTHONPATH=%s''${PYTHONPATH:+:$PYTHONPATH}\nexec -a "$0" %s "$@"\n' ${bash} "$places" "$program" > $out/bin/''${program##*/}
            chmod 755 $out/bin/''${program##*/}
          done
        '';
        passthru = { inherit python sitePackages; };
        meta.mainProgram = "python3";
      };

    six = buildPythonPackage {
      pname = "six";
      version = "1.16.0";
      src = fetchPypi {
        pname = "six";
        version = "1.16.0";
        sha256 = "1e61c37477a1626458e36f7b1d82aa5c9b094fa4802892072e49de9c60c4c926";
      };
      pythonImportsCheck = [ "six" ];
      meta.description = "What Python 2 and 3 have in common";
    };

    markupsafe = buildPythonPackage {
      pname = "markupsafe";
      version = "2.1.2";
      src = fetchPypi {
        pname = "MarkupSafe";
        version = "2.1.2";
        sha256 = "abcabc8c2b26036d62d4c746381a6f7cf60aafcc653198ad678306986b09450d";
      };
      pythonImportsCheck = [
        "markupsafe"
        "markupsafe._speedups"
      ];
      meta.description = "Strings that are safe in HTML";
    };

    jinja2 = buildPythonPackage {
      pname = "jinja2";
      version = "3.1.2";
      src = fetchPypi {
        pname = "Jinja2";
        version = "3.1.2";
        sha256 = "31351a702a408a9e7595a8fc6150fc3f43bb6bf7e319770cbc0db9df9437e852";
      };
      dependencies = [ markupsafe ];
      pythonImportsCheck = [ "jinja2" ];
      meta.description = "Templates";
    };
  };
in
self
