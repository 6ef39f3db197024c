/**
  Packages as images of containers (OCI) and as archives. Both are the same, bit for bit, whoever makes them.
*/
{
  lib,
  stdenvNoCC,
  runCommand,
}:

let
  # Lists everything that paths refer to, from what the builder wrote of it.
  listClosure = ''
    closure() {
      while read -r path; do
        read -r deriver
        read -r count
        for ((i = 0; i < count; i++)); do read -r reference; done
        printf '%s\n' "$path"
      done < "$1" | sort -u
    }
    # An archive whose members differ in nothing but their contents.
    pack() { tar --sort=name --mtime=@1 --owner=0 --group=0 --numeric-owner --format=posix --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime "$@"; }
  '';
in
rec {
  /**
    The paths that packages refer to, with themselves: `store-paths` is a list of them, `registration` what
    `nix-store --load-db` reads.

    # Type
    `{ rootPaths } -> derivation`
  */
  closureInfo =
    { rootPaths }:
    runCommand "closure-info"
      {
        exportReferencesGraph = lib.concatLists (lib.imap0 (i: p: [ "closure-${toString i}" p ]) rootPaths);
        preferLocalBuild = true;
      }
      ''
        ${listClosure}
        mkdir $out
        for graph in closure-*; do closure "$graph"; done | sort -u > $out/store-paths
        cat closure-* > $out/registration
      '';

  /**
    An archive of packages with all they refer to, and links to them.

    # Type
    `{ name, contents, links ? { }, compress ? true } -> derivation`, where `links` is a set of targets by path
  */
  makeTarball =
    {
      name ? "closure",
      contents,
      links ? { },
      compress ? true,
    }:
    runCommand "${name}.tar${lib.optionalString compress ".gz"}"
      {
        info = closureInfo { rootPaths = contents; };
      }
      ''
        ${listClosure}
        mkdir -p root
        ${lib.concatStrings (
          lib.mapAttrsToList (path: target: ''
            mkdir -p "root/$(dirname ${lib.escapeShellArg path})"
            ln -s ${lib.escapeShellArg "${target}"} root/${lib.escapeShellArg path}
          '') links
        )}
        find root -exec touch -h -d @1 {} +
        (cd root && pack -cf "$NIX_BUILD_TOP/out.tar" .)
        pack -rf out.tar -P --transform 's,^/,./,SH' -T $info/store-paths
        ${if compress then "gzip -9n < out.tar > $out" else "cp out.tar $out"}
      '';

  /**
    An image for containers, in the layout of OCI, as one archive that `docker load`, `podman load` and `skopeo` take.

    # Type
    `{ name, tag ? "latest", contents, config ? { } } -> derivation`, where `config` is that of the OCI image
    specification (`Cmd`, `Entrypoint`, `Env`, `ExposedPorts`, `WorkingDir`, …)

    # Example
    ```nix
    buildImage { name = "hello"; contents = [ hello ]; config.Cmd = [ "''${hello}/bin/hello" ]; }
    ```
  */
  buildImage =
    {
      name,
      tag ? "latest",
      contents,
      config ? { },
      architecture ? "amd64",
    }:
    runCommand "${name}-image.tar"
      {
        layer = makeTarball {
          inherit name contents;
          compress = false;
          links = lib.optionalAttrs (contents != [ ]) { "bin" = "${lib.head contents}/bin"; };
        };
        config = builtins.toJSON config;
        passAsFile = [ "config" ];
        passthru.imageTag = tag;
      }
      ''
        ${listClosure}
        mkdir -p image/blobs/sha256
        # add FILE: puts a blob under its digest and says which it is.
        add() {
          local digest
          digest=$(sha256sum < "$1" | cut -d ' ' -f 1)
          cp "$1" "image/blobs/sha256/$digest"
          printf '%s' "$digest"
        }
        size() { wc -c < "$1" | tr -d ' '; }

        diff=$(sha256sum < $layer | cut -d ' ' -f 1)
        gzip -9n < $layer > layer.gz
        layerDigest=$(add layer.gz)

        printf '{"architecture":"%s","config":%s,"created":"1970-01-01T00:00:01Z","history":[{"created":"1970-01-01T00:00:01Z"}],"os":"linux","rootfs":{"diff_ids":["sha256:%s"],"type":"layers"}}' \
          ${architecture} "$(cat $configPath)" "$diff" > config.json
        configDigest=$(add config.json)

        printf '{"config":{"digest":"sha256:%s","mediaType":"application/vnd.oci.image.config.v1+json","size":%s},"layers":[{"digest":"sha256:%s","mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":%s}],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}' \
          "$configDigest" "$(size config.json)" "$layerDigest" "$(size layer.gz)" > manifest
        manifestDigest=$(add manifest)

        printf '{"imageLayoutVersion":"1.0.0"}' > image/oci-layout
        printf '{"manifests":[{"annotations":{"org.opencontainers.image.ref.name":"%s"},"digest":"sha256:%s","mediaType":"application/vnd.oci.image.manifest.v1+json","size":%s}],"schemaVersion":2}' \
          ${lib.escapeShellArg "${name}:${tag}"} "$manifestDigest" "$(size manifest)" > image/index.json
        # What older readers look for.
        printf '[{"Config":"blobs/sha256/%s","Layers":["blobs/sha256/%s"],"RepoTags":["%s"]}]' \
          "$configDigest" "$layerDigest" ${lib.escapeShellArg "${name}:${tag}"} > image/manifest.json

        find image -exec touch -h -d @1 {} +
        cd image
        pack -cf $out *
      '';
}
