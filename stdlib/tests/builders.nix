/**
  The small builders and the builders of images, run for real: building this checks what each of them makes.

      firn build -f stdlib/tests/builders.nix && firn build -f stdlib/tests/builders.nix --rebuild
*/
{ pkgs ? import ../. { } }:

let
  inherit (pkgs) lib hello jq;

  # A command that checks what was made and leaves nothing.
  check = name: tools: script: pkgs.runCommand "check-${name}" { nativeBuildInputs = tools; } ''
    ${script}
    touch $out
  '';

  script = pkgs.writeShellApplication {
    name = "greet";
    runtimeInputs = [ hello ];
    runtimeEnv.WHO = "it's \"me\" for $5";
    inheritPath = false;
    text = ''
      hello
      printf '%s\n' "$WHO"
    '';
  };

  texts = {
    plain = pkgs.writeText "plain" "one\n\ttwo\\n";
    folder = pkgs.writeTextDir "share/deep/text" "inside";
    script = pkgs.writeShellScript "script" "echo $(( 6 * 7 ))";
    program = pkgs.writeShellScriptBin "answer" "echo 42";
    own = pkgs.writeScript "own" "#!${pkgs.runtimeShell}\necho own";
    json = pkgs.writeJSON "value.json" { a = [ 1 null "x" ]; };
    both = pkgs.concatText "both" [ (pkgs.writeText "a" "a") (pkgs.writeText "b" "b") ];
  };

  joined = pkgs.symlinkJoin { name = "joined"; paths = [ hello texts.program texts.folder ]; postBuild = "echo more > $out/more"; };
  farm = pkgs.linkFarm "farm" { "bin/hi" = "${hello}/bin/hello"; "name with space" = texts.plain; };
  environment = pkgs.buildEnv { name = "environment"; paths = [ hello texts.program texts.folder ]; pathsToLink = [ "/bin" ]; };

  image = pkgs.buildImage { name = "hello"; contents = [ hello ]; config.Cmd = [ "${hello}/bin/hello" ]; };
  tarball = pkgs.makeTarball { name = "hello"; contents = [ hello ]; links."opt/greet" = "${hello}/bin/hello"; };
in
{
  inherit image tarball;

  writers = check "writers" [ ] ''
    [ "$(${lib.getExe script})" = "$(printf '%s\n' 'Hello, world!' "it's \"me\" for \$5")" ]
    printf 'one\n\ttwo\\n' | cmp - ${texts.plain}
    [ "$(cat ${texts.folder}/share/deep/text)" = inside ]
    [ "$(${texts.script})$(${texts.program}/bin/answer)$(${texts.own})" = 4242own ]
    [ "$(cat ${texts.json})" = '{"a":[1,null,"x"]}' ]
    [ "$(cat ${texts.both})" = ab ]
  '';

  folders = check "folders" [ ] ''
    [ "$(${joined}/bin/hello; ${joined}/bin/answer; cat ${joined}/share/deep/text)" = $'Hello, world!\n42\ninside' ]
    [ "$(cat ${joined}/more)" = more ]
    [ "$(${farm}/bin/hi)" = 'Hello, world!' ]
    cmp "${farm}/name with space" ${texts.plain}
    [ "$(echo ${environment}/*)" = ${environment}/bin ]
    [ "$(echo ${environment}/bin/*)" = "${environment}/bin/answer ${environment}/bin/hello" ]
  '';

  # Every blob is what its name says, the layer holds the whole closure, and links lead to the program.
  archives = check "archives" [ jq ] ''
    mkdir image
    tar -xf ${image} -C image
    cd image
    for blob in blobs/sha256/*; do echo "''${blob##*/}  $blob"; done | sha256sum --check --quiet
    blob() { echo "blobs/sha256/''${1#sha256:}"; }
    manifest=$(blob "$(jq -r '.manifests[0].digest' index.json)")
    [ "$(jq -r '.manifests[0].annotations[]' index.json)" = hello:latest ]
    configuration=$(blob "$(jq -r .config.digest $manifest)")
    [ "$(jq -r '.config.Cmd[0]' $configuration)" = ${hello}/bin/hello ]
    layer=$(blob "$(jq -r '.layers[0].digest' $manifest)")
    [ "$(gzip -d < $layer | sha256sum | cut -d ' ' -f 1)" = "$(jq -r '.rootfs.diff_ids[0]' $configuration | cut -d : -f 2)" ]
    mkdir layer
    tar -xzf $layer -C layer
    while read -r path; do [ -e layer$path ]; done < ${pkgs.closureInfo { rootPaths = [ hello ]; }}/store-paths
    [ "$(readlink layer/bin)" = ${hello}/bin ]
    cd ..

    mkdir tree
    tar -xzf ${tarball} -C tree
    [ "$(readlink tree/opt/greet)" = ${hello}/bin/hello ]
    cmp tree${hello}/bin/hello ${hello}/bin/hello
  '';
}
