//! Stores that work with each other: a builder that uses the store it is built in, an overlay over
//! another store, an evaluation whose derivations go elsewhere.
//!
//! Each way runs as whoever runs the tests and, where there is a right to, as an ordinary user.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};

use crate::interop::{World, say, users};

/// The trials of this module.
pub(crate) fn trials(root: &Path, world: &Arc<World>) -> Vec<Trial> {
    let file = root.join("interop/recursive.nix");
    let trial = |name: &str, run: fn(&World, &Path) -> Result<(), Failed>| {
        let (world, file) = (Arc::clone(world), file.clone());
        Trial::test(format!("layers/{name}"), move || run(&world, &file))
    };
    vec![
        trial("builders-use-the-store", recursive),
        trial("overlay-over-a-store", overlay),
        trial("derivations-go-to-the-eval-store", eval_store),
    ]
}

/// A fresh directory of a user's.
fn place(world: &World, user: Option<&str>, name: &str) -> Result<PathBuf, Failed> {
    let place = world.home(user)?.join(name);
    Ok(place)
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn recursive(world: &World, file: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(file)?;
    for user in users() {
        let store = shown(&place(world, user, "recursive")?);
        let secret = world.path("secret");
        std::fs::write(&secret, "secret\n")?;
        let added = world.run(
            user,
            "nix-store",
            &["--store", &store, "--add", &shown(&secret)],
        )?;
        let program = format!("/firn/nix={}", world.path("product").display());
        let paths = format!("{program} /lib /lib64");
        let outputs = world.run(
            user,
            "nix-build",
            &[
                "--store",
                &store,
                "--no-out-link",
                "--option",
                "sandbox",
                "true",
                "--option",
                "extra-sandbox-paths",
                &paths,
                "--option",
                "extra-experimental-features",
                "nix-command recursive-nix",
                "--argstr",
                "secret",
                added.trim(),
                "-E",
                &text,
            ],
        )?;
        let closure = world.run(
            user,
            "nix-store",
            &["--store", &store, "-q", "-R", outputs.trim()],
        )?;
        for name in ["-added", "-inner", "-recursive"] {
            if !closure.lines().any(|line| line.ends_with(name)) {
                return Err(format!("'{name}' is not in the closure:\n{closure}").into());
            }
        }
        world.run(
            user,
            "nix-store",
            &["--store", &store, "--verify", "--check-contents"],
        )?;
    }
    Ok(())
}

fn overlay(world: &World, _: &Path) -> Result<(), Failed> {
    let place = place(world, None, "overlay")?;
    let script = format!(
        r#"set -e
        cd {place}
        mkdir -p lower/nix/store upper merged/nix/store work
        mount -t tmpfs none upper
        mkdir upper/up upper/work
        mount -t overlay overlay -o lowerdir={place}/lower/nix/store,upperdir={place}/upper/up,workdir={place}/upper/work merged/nix/store || exit 77
        s="local-overlay://?root={place}/merged&lower-store={place}/lower&upper-layer={place}/upper/up"
        feature='--option extra-experimental-features local-overlay-store'
        echo below > below; echo above > above; echo both > both
        below=$({bin}/nix-store --store "$PWD/lower" --add below)
        test "$({bin}/nix-store $feature --store "$s" --add below)" = "$below"
        test -z "$(ls upper/up)"
        above=$({bin}/nix-store $feature --store "$s" --add above)
        both=$({bin}/nix-store $feature --store "$s" --add both)
        {bin}/nix-store --store "$PWD/lower" --add both
        test -e upper/up/$(basename "$above"); test ! -e "lower$above"
        {bin}/nix-store $feature --store "$s" --verify --check-contents
        {bin}/nix-store $feature --store "$s" --gc
        test -z "$(ls upper/up)"; test -e "lower$below"; test -e "lower$both"
        if {bin}/nix-store $feature --store "$s&upper-layer=/nowhere" --verify; then exit 3; fi
        "#,
        place = place.display(),
        bin = world.path(".").display(),
    );
    std::fs::create_dir_all(&place)?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", &script]);
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("NIX_CONFIG", "build-users-group =")
        .env("HOME", &place);
    let output = command.output()?;
    if output.status.code() == Some(77) {
        say("this machine cannot mount an overlay");
        return Ok(());
    }
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {stderr}", output.status).into());
    }
    Ok(())
}

fn eval_store(world: &World, _: &Path) -> Result<(), Failed> {
    for user in users() {
        let build = place(world, user, "build")?;
        let eval = place(world, user, "eval")?;
        let expression = r#"
            let sh = name: args: derivation ({
                  inherit name; system = "x86_64-linux"; builder = "/bin/sh";
                } // args);
                source = builtins.toFile "source" "text";
                made = sh "made" { args = [ "-c" "read x < ${source}; echo \"{ x = \\\"$x\\\"; }\" > $out" ]; };
            in sh "last" { x = (import made).x; args = [ "-c" "echo $x > $out" ]; }"#;
        let built = world.run(
            user,
            "nix-build",
            &[
                "--store",
                &shown(&build),
                "--eval-store",
                &format!("{}?require-sigs=false", eval.display()),
                "--no-out-link",
                "-E",
                expression,
            ],
        )?;
        if std::fs::read_to_string(build.join(built.trim().trim_start_matches('/')))? != "text\n" {
            return Err("the output is another".into());
        }
        let names = |store: &Path| -> Result<Vec<String>, Failed> {
            let entries = std::fs::read_dir(store.join("nix/store"))?;
            let names = entries.map(|it| Ok(it?.file_name().to_string_lossy().into_owned()));
            names.collect::<std::io::Result<_>>().map_err(Into::into)
        };
        let (in_build, in_eval) = (names(&build)?, names(&eval)?);
        let has = |names: &[String], end: &str| names.iter().any(|name| name.ends_with(end));
        if has(&in_build, ".drv") || !has(&in_eval, "-last.drv") || has(&in_eval, "-last") {
            return Err(format!("in the stores:\n{in_build:?}\n{in_eval:?}").into());
        }
    }
    Ok(())
}
