//! What an ordinary build does: environment, outputs, references, failures, sharing.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;

use firn_hash::{Algorithm, Hasher};
use firn_store::{BuildMode, BuildStatus, Store as _};
use firn_store_model::SingleDerivedPath;
use firn_store_model::{
    ContentAddress, ContentAddressMethod, DerivationOutput, downstream_placeholder,
};

use super::world::{Recipe, World, all_outputs, names};
use crate::BuildSettings;

#[test]
fn an_output_is_valid_canonical_and_read_only() {
    let world = World::new();
    let outputs = world.build(Recipe::script(
        "tree",
        "mkdir -p $out/bin; echo hi > $out/bin/x; chmod 777 $out/bin/x; ln -s x $out/bin/y",
    ));
    let out = &outputs["out"];
    let file = world.real(out).join("bin/x");
    let metadata = std::fs::metadata(&file).expect("there");
    assert_eq!(metadata.mode() & 0o7777, 0o555);
    assert_eq!(metadata.mtime(), 1);
    assert_eq!(metadata.uid(), firn_sys::file::effective_ids().0);
    let info = world
        .store
        .query_path_info(out)
        .expect("answered")
        .expect("valid");
    assert!(info.ultimate && info.references.is_empty() && info.nar_size > 0);
    assert!(info.deriver.is_some());
    // Nothing is left behind.
    let state = world.store.local().location().state_dir.join("builds");
    assert_eq!(names(&state), BTreeSet::new());
    let left: Vec<_> = names(&world.store.local().location().physical_dir)
        .into_iter()
        .filter(|name| name.contains(".drv.chroot") || name.contains("tree.lock"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_environment_is_the_one_that_builders_expect() {
    let world = World::new();
    let text = world.text(
        Recipe::script(
            "env",
            "pwd > $out; env | sort >> $out; cat $textPath >> $out; ls -a | sort >> $out",
        )
        .env("passAsFile", "text")
        .env("text", "a long text\n")
        .env("PATH", "/mine"),
    );
    let hash = Hasher::sha256(b"text").to_nix32();
    for expected in [
        "/build\n".to_owned(),
        "HOME=/homeless-shelter\n".to_owned(),
        "NIX_BUILD_CORES=".to_owned(),
        "NIX_BUILD_TOP=/build\n".to_owned(),
        "NIX_LOG_FD=2\n".to_owned(),
        "NIX_STORE=/nix/store\n".to_owned(),
        "PATH=/mine\n".to_owned(),
        "PWD=/build\n".to_owned(),
        "TMPDIR=/build\nout=".to_owned().replace("\nout=", "\n"),
        "TERM=xterm-256color\n".to_owned(),
        format!("textPath=/build/.attr-{hash}\n"),
        "a long text\n".to_owned(),
        format!(".attr-{hash}\n"),
    ] {
        assert!(text.contains(&expected), "{expected:?} in {text}");
    }
    assert!(!text.contains("\ntext="), "{text}");
}

#[test]
fn structured_attributes_come_as_files() {
    let world = World::new();
    let json = r#"{"name":"structured","list":["a","b"]}"#;
    // The shell form has bash's arrays, so the sandbox's shell does not source it here.
    let script = r#"out=$(sed 's/.*"out":"\([^"]*\)".*/\1/' $NIX_ATTRS_JSON_FILE)
        cat $NIX_ATTRS_JSON_FILE > $out; echo >> $out; cat $NIX_ATTRS_SH_FILE >> $out; env | grep -c list >> $out; true"#;
    let outputs = world.build(Recipe::script("structured", script).env("__json", json));
    let own = world.store_dir().print(&outputs["out"]);
    let text = std::fs::read_to_string(world.real(&outputs["out"])).expect("text");
    let expected = format!(
        "{{\"list\":[\"a\",\"b\"],\"name\":\"structured\",\"outputs\":{{\"out\":\"{own}\"}}}}\n\
         declare -a list=('a' 'b' )\ndeclare name='structured'\ndeclare -A outputs=(['out']='{own}' )\n0\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn references_are_found_and_only_inputs_are_visible() {
    let world = World::new();
    let hidden = world
        .store
        .add_text("hidden", b"secret", &BTreeSet::new())
        .expect("added");
    let source = world
        .store
        .add_text("source", b"contents", &BTreeSet::new())
        .expect("added");
    let printed = world.store_dir().print(&source);
    let first = world.add(
        Recipe::script(
            "first",
            "read x < $src; echo $src $x > $out; ls /nix/store | grep -q hidden && exit 1; true",
        )
        .source(&source)
        .env("src", &printed),
    );
    let first_result = world.realise(&first, BuildMode::Normal);
    assert!(first_result.status.is_success(), "{}", first_result.error);
    let out = only_output(first_result);
    let info = world
        .store
        .query_path_info(&out)
        .expect("ok")
        .expect("valid");
    assert_eq!(info.references, BTreeSet::from([source.clone()]));
    drop(hidden);

    // A second derivation sees the whole closure of the first one's output.
    let second = world.build(
        Recipe::script(
            "second",
            "ls /nix/store | sort > $out; cat $in > /dev/null; echo $in >> $out; echo $out >> $out",
        )
        .input(&first)
        .env("in", world.store_dir().print(&out)),
    );
    let text = std::fs::read_to_string(world.real(&second["out"])).expect("text");
    assert!(
        text.contains("-source\n") && text.contains("-first\n") && !text.contains("hidden"),
        "{text}"
    );
    let info = world
        .store
        .query_path_info(&second["out"])
        .expect("ok")
        .expect("valid");
    assert_eq!(
        info.references,
        BTreeSet::from([out, source, second["out"].clone()])
    );
}

#[test]
fn outputs_may_refer_to_each_other_but_not_in_circles() {
    let world = World::new();
    let outputs = world.build(
        Recipe::script(
            "multi",
            "mkdir $out $dev; echo $out > $dev/x; echo $dev > /dev/null",
        )
        .output("dev"),
    );
    let info = world
        .store
        .query_path_info(&outputs["dev"])
        .expect("ok")
        .expect("valid");
    assert_eq!(info.references, BTreeSet::from([outputs["out"].clone()]));
    let result =
        world.fail(Recipe::script("circle", "echo $dev > $out; echo $out > $dev").output("dev"));
    assert_eq!(result.status, BuildStatus::OutputRejected);
    assert!(
        result
            .error
            .starts_with("cycle detected in build of '/nix/store/"),
        "{}",
        result.error
    );
}

#[test]
fn a_failure_says_what_where_and_why() {
    let world = World::new();
    let drv = world.add(Recipe::script("bad", "echo one; echo two >&2; exit 3"));
    let result = world.realise(&drv, BuildMode::Normal);
    assert_eq!(result.status, BuildStatus::PermanentFailure);
    let drv_path = world.store_dir().print(&drv);
    let expected = format!(
        "Cannot build '{drv_path}'.\nReason: builder failed with exit code 3.\nOutput paths:\n  /nix/store/"
    );
    assert!(result.error.starts_with(&expected), "{}", result.error);
    let tail =
        format!("\nLast 2 log lines:\n> one\n> two\nFor full logs, run:\n  nix log {drv_path}");
    assert!(result.error.ends_with(&tail), "{}", result.error);
    assert_eq!(
        world.store.build_log(&drv).expect("readable"),
        Some(b"one\ntwo\n".to_vec())
    );

    let dependent = world.add(Recipe::script("dependent", "true").input(&drv));
    let error = world.error(&[&dependent]);
    let dependent = world.store_dir().print(&dependent);
    assert!(
        error.to_string().starts_with(&format!(
            "Cannot build '{dependent}'.\nReason: 1 dependency failed."
        )),
        "{error}"
    );
    assert!(matches!(
        error,
        firn_store::StoreError::Build {
            exit_status: 100,
            ..
        }
    ));
}

#[test]
fn a_missing_builder_or_output_is_named() {
    let world = World::new();
    let mut recipe = Recipe::script("nobuilder", "");
    recipe.derivation.builder = b"/nowhere/sh".to_vec();
    let result = world.fail(recipe);
    assert!(
        result
            .error
            .contains("Reason: builder failed with exit code 1."),
        "{}",
        result.error
    );
    assert!(
        result
            .error
            .contains("> executing '/nowhere/sh': No such file or directory"),
        "{}",
        result.error
    );
    let result = world.fail(Recipe::script("nothing", "true"));
    assert_eq!(result.status, BuildStatus::OutputRejected);
    assert!(
        result
            .error
            .contains("failed to produce output path for output 'out' at '"),
        "{}",
        result.error
    );
    let mut recipe = Recipe::script("elsewhere", "true");
    recipe.derivation.platform = b"vax-vms".to_vec();
    let result = world.fail(recipe);
    assert!(
        result
            .error
            .contains("Reason: platform mismatch\nRequired system: 'vax-vms'"),
        "{}",
        result.error
    );
}

#[test]
fn a_fixed_output_has_its_hash_or_fails() {
    let world = World::new();
    let fixed = |text: &[u8]| {
        DerivationOutput::Fixed(ContentAddress {
            method: ContentAddressMethod::Flat,
            hash: Hasher::sha256(text),
        })
    };
    let recipe = |kind| {
        let mut recipe = Recipe::script(
            "file",
            "echo -n hello > $out; test -n \"$NIX_OUTPUT_CHECKED\"",
        )
        .kind(kind);
        let path = recipe
            .derivation
            .outputs
            .values()
            .next()
            .expect("one")
            .path(world.store_dir(), "file", "out")
            .expect("sound")
            .expect("known");
        recipe
            .derivation
            .env
            .insert(b"out".to_vec(), world.store_dir().print(&path).into_bytes());
        recipe
    };
    let out = world.build(recipe(fixed(b"hello")))["out"].clone();
    let info = world
        .store
        .query_path_info(&out)
        .expect("ok")
        .expect("valid");
    assert!(info.is_content_addressed(world.store_dir()));
    let result = world.fail(recipe(fixed(b"other")));
    assert_eq!(result.status, BuildStatus::HashMismatch);
    assert!(
        result.error.contains(&format!(
            "\n  specified: {}\n     got:    {}",
            Hasher::sha256(b"other").to_sri(),
            Hasher::sha256(b"hello").to_sri()
        )),
        "{}",
        result.error
    );
}

#[test]
fn a_floating_output_is_named_by_its_contents() {
    let world = World::new();
    let floating = DerivationOutput::Floating {
        method: ContentAddressMethod::Nar,
        algorithm: Algorithm::Sha256,
    };
    let first =
        world.add(Recipe::script("ca", "mkdir $out; echo $out > $out/self").kind(floating.clone()));
    let result = world.realise(&first, BuildMode::Normal);
    assert!(result.status.is_success(), "{}", result.error);
    let out = only_output(result);
    let own = world.store_dir().print(&out);
    assert_eq!(
        std::fs::read_to_string(world.real(&out).join("self")).expect("text"),
        format!("{own}\n")
    );
    let info = world
        .store
        .query_path_info(&out)
        .expect("ok")
        .expect("valid");
    assert!(info.is_content_addressed(world.store_dir()) && info.references.contains(&out));

    // One that differs only in how it is made has the same output, so what uses it is not built again.
    let second = world
        .add(Recipe::script("ca", "mkdir $out; : other; echo $out > $out/self").kind(floating));
    let dependent = |input: &firn_store_model::StorePath| {
        let placeholder = downstream_placeholder(&SingleDerivedPath::Opaque(input.clone()), "out")
            .expect("sound");
        let recipe = Recipe::script("user", "cat $in/self > $out")
            .input(input)
            .env("in", placeholder);
        world.add(recipe)
    };
    let one = world.realise(&dependent(&first), BuildMode::Normal);
    assert_eq!(one.status, BuildStatus::Built, "{}", one.error);
    let other = world.realise(&dependent(&second), BuildMode::Normal);
    assert!(other.status.is_success(), "{}", other.error);
    assert_eq!(other.status, BuildStatus::ResolvesToAlreadyValid);
    assert_eq!(only_output(one), only_output(other));
}

#[test]
fn building_again_compares() {
    let world = World::new();
    let same = world.add(Recipe::script("same", "echo x > $out"));
    assert!(
        world
            .realise(&same, BuildMode::Check)
            .error
            .contains("are not valid, so checking is not possible")
    );
    assert!(world.realise(&same, BuildMode::Normal).status.is_success());
    let again = world.realise(&same, BuildMode::Check);
    assert!(again.status.is_success(), "{}", again.error);
    let random = world.add(Recipe::script(
        "random",
        "mkdir $out; head -c 20 /dev/urandom > $out/noise",
    ));
    assert!(
        world
            .realise(&random, BuildMode::Normal)
            .status
            .is_success()
    );
    let again = world.realise(&random, BuildMode::Check);
    assert_eq!(again.status, BuildStatus::NotDeterministic);
    assert!(
        again.error.contains("may not be deterministic: output '"),
        "{}",
        again.error
    );
    assert!(
        again.error.contains("noise: contents differ from byte"),
        "{}",
        again.error
    );
}

#[test]
fn time_limits_kill() {
    let world = World::with(BuildSettings {
        timeout: 1,
        ..BuildSettings::default()
    });
    let started = std::time::Instant::now();
    let result = world.fail(Recipe::script(
        "slow",
        "sleep 100 & while :; do echo; sleep 0.1; done",
    ));
    assert_eq!(result.status, BuildStatus::TimedOut);
    assert_eq!(result.error, "timed out after 1 seconds");
    assert!(started.elapsed().as_secs() < 20);
    let world = World::with(BuildSettings {
        max_silent_time: 1,
        ..BuildSettings::default()
    });
    assert_eq!(
        world
            .fail(Recipe::script("quiet", "echo once; sleep 100"))
            .status,
        BuildStatus::TimedOut
    );
}

#[test]
fn a_failure_stops_the_rest_unless_told_otherwise() {
    for keep_going in [false, true] {
        let world = World::with(BuildSettings {
            max_jobs: 2,
            keep_going,
            ..BuildSettings::default()
        });
        let bad = world.add(Recipe::script("bad", "exit 1"));
        let slow = world.add(Recipe::script("slow", "sleep 1; echo > $out"));
        let paths = [all_outputs(&slow), all_outputs(&bad)];
        let started = std::time::Instant::now();
        world
            .store
            .build_paths(&paths, BuildMode::Normal)
            .expect_err("one of them fails");
        let slow_is_done =
            world.realise(&slow, BuildMode::Normal).status == BuildStatus::AlreadyValid;
        assert_eq!(slow_is_done, keep_going, "after {:?}", started.elapsed());
    }
}

#[test]
fn many_requests_share_the_work() {
    let world = World::new();
    let drv = world.add(Recipe::script("shared", "sleep 0.2; date +%N > $out"));
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| world.realise(&drv, BuildMode::Normal)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    assert!(results.iter().all(|result| result.status.is_success()));
    let built = results
        .iter()
        .filter(|result| result.status == BuildStatus::Built)
        .count();
    assert!(built >= 1);
    let starts = world
        .events
        .take()
        .into_iter()
        .filter(|event| {
            matches!(event,
        firn_events::Event::Start { text, .. } if text.starts_with("building '"))
        })
        .count();
    assert_eq!(starts, 1);
}

#[test]
fn without_a_sandbox_builds_happen_in_the_open() {
    let world = World::without_sandbox(BuildSettings::default());
    let text = world.text(
        Recipe::script(
            "open",
            "echo $NIX_BUILD_TOP > $out; test -d /etc || exit 1; /bin/sleep 1000 & true",
        )
        .env("PATH", "/usr/bin:/bin"),
    );
    assert!(
        text.starts_with(world.dir.path().to_str().expect("UTF-8")),
        "{text}"
    );
}

#[test]
fn demands_on_outputs_are_checked() {
    let world = World::new();
    let source = world
        .store
        .add_text("source", b"contents", &BTreeSet::new())
        .expect("added");
    let printed = world.store_dir().print(&source);
    let recipe = |attribute: &str, value: &str| {
        Recipe::script("demands", "echo $src > $out")
            .source(&source)
            .env("src", &printed)
            .env(attribute, value)
    };
    for (attribute, value, succeeds) in [
        ("allowedReferences", "", false),
        ("allowedReferences", &*printed, true),
        ("disallowedReferences", &*printed, false),
        ("allowedRequisites", "out", false),
        ("disallowedRequisites", &*printed, false),
        ("disallowedRequisites", "out", true),
    ] {
        let drv = world.add(recipe(attribute, value));
        let result = world.realise(&drv, BuildMode::Normal);
        assert_eq!(
            result.status.is_success(),
            succeeds,
            "{attribute}={value}: {}",
            result.error
        );
        if !succeeds {
            assert!(
                result
                    .error
                    .contains("is not allowed to refer to the following paths:\n  /nix/store/"),
                "{}",
                result.error
            );
        }
    }
    let result = world.fail(recipe("allowedReferences", "lib"));
    assert!(result.error.contains("contains output name 'lib', but this is not a valid output of this derivation. (Valid outputs are [out].)"), "{}", result.error);
}

#[test]
fn closures_can_be_exported_to_the_builder() {
    let world = World::new();
    let leaf = world
        .store
        .add_text("leaf", b"leaf", &BTreeSet::new())
        .expect("added");
    let printed = world.store_dir().print(&leaf);
    let source = world
        .store
        .add_text("source", printed.as_bytes(), &BTreeSet::from([leaf]))
        .expect("added");
    let source_printed = world.store_dir().print(&source);
    let text = world.text(
        Recipe::script("graph", "cat graph > $out")
            .source(&source)
            .env("exportReferencesGraph", format!("graph {source_printed}")),
    );
    let (mut paths, blocks) = (
        vec![printed.clone(), source_printed.clone()],
        |path: &str| {
            if path == printed {
                format!("{printed}\n\n0\n")
            } else {
                format!("{source_printed}\n\n1\n{printed}\n")
            }
        },
    );
    paths.sort();
    assert_eq!(
        text,
        paths.iter().map(|path| blocks(path)).collect::<String>()
    );
}

fn only_output(result: firn_store::BuildResult) -> firn_store_model::StorePath {
    let output = result.outputs.into_values().next().expect("one output");
    output.out_path
}
