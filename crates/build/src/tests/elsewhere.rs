//! Builds on other machines. A second store of this machine stands for each of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use firn_events::SharedSink;
use firn_store::{BuildStatus, Store, StoreError};

use super::world::{Recipe, World};
use crate::{BuildSettings, BuildingStore, Machine, MachineOpener};

#[derive(Default)]
struct Elsewhere(BTreeMap<String, Arc<BuildingStore>>);

impl std::fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Elsewhere")
    }
}

impl MachineOpener for Elsewhere {
    fn open(&self, machine: &Machine, _: SharedSink) -> Result<Arc<dyn Store>, StoreError> {
        let store = self.0.get(&machine.url);
        let store = store.ok_or_else(|| StoreError::other("nobody answers"))?;
        Ok(Arc::clone(store) as Arc<dyn Store>)
    }
}

/// A world that builds nothing itself, and machines with a feature each.
fn worlds(machines: &str, there: &[&str]) -> (World, Vec<World>) {
    let mut elsewhere = Elsewhere::default();
    let mut others = Vec::new();
    for name in there {
        let other = World::with(BuildSettings {
            system_features: [(*name).to_owned()].into(),
            ..BuildSettings::default()
        });
        let settings = other.store.settings().clone();
        let store = BuildingStore::new(Arc::clone(other.store.local()), settings, Vec::new());
        elsewhere.0.insert(format!("ssh://{name}"), Arc::new(store));
        others.push(other);
    }
    let system = crate::host_system();
    let machines = Machine::parse_list(machines, &system, &|_| unreachable!("no file is named"));
    let here = World::with(BuildSettings {
        max_jobs: 0,
        machines: machines.expect("sound").into(),
        machine_opener: Some(Arc::new(elsewhere)),
        ..BuildSettings::default()
    });
    (here, others)
}

fn needing(name: &str, feature: &str) -> Recipe {
    Recipe::script(name, "test -z \"$input\" || cat $input; echo $name >> $out; cat $out > $out.new; mv $out.new $out")
        .env("requiredSystemFeatures", feature)
}

#[test]
fn inputs_go_there_and_outputs_come_back() {
    let (here, there) = worlds("one - - 1 1 one; two - - 1 1 two", &["one", "two"]);
    let script = |text: &str| Recipe::script("x", text).env("requiredSystemFeatures", "one");
    let first = here.add(script("echo first > $out"));
    let out = here.realise(&first, firn_store::BuildMode::Normal);
    assert!(out.status.is_success(), "{}", out.error);
    let path = &out.outputs.values().next().expect("an output").out_path;
    let printed = here.store_dir().print(path);
    let second = Recipe::script("y", &format!("cat {printed} > $out; echo second >> $out"))
        .env("requiredSystemFeatures", "two")
        .input(&first);
    assert_eq!(here.text(second), "first\nsecond\n");
    // The first was built on one machine, and went to the other as an input.
    assert!(there[1].store.is_valid_path(path).expect("readable"));
    let info = here
        .store
        .query_path_info(path)
        .expect("readable")
        .expect("valid");
    assert!(!info.ultimate, "somebody else built it");
}

#[test]
fn a_failure_there_is_one_here() {
    let (here, _there) = worlds("one - - 1 1 one", &["one"]);
    let failing = Recipe::script("failing", "exit 3").env("requiredSystemFeatures", "one");
    let result = here.fail(failing);
    assert_eq!(result.status, BuildStatus::PermanentFailure);
    assert!(result.error.contains("exit code 3"), "{}", result.error);
    assert!(result.error.contains("ssh://one"), "{}", result.error);
}

#[test]
fn machines_that_do_not_answer_are_passed_over() {
    let (here, _there) = worlds("gone - - 1 9 one; one - - 1 1 one", &["one"]);
    assert_eq!(here.text(needing("x", "one")), "x\n");
    let (here, _) = worlds("gone - - 1 9 one", &[]);
    let result = here.fail(needing("x", "one"));
    assert!(
        result.error.contains("local builds are disabled"),
        "{}",
        result.error
    );
}

#[test]
fn machines_build_for_a_cache() {
    use firn_store::{BinaryCacheOptions, BinaryCacheStore, BuildMode, Realiser};
    use firn_store_model::DerivationOutput;
    let (here, there) = worlds("two - - 1 1 two; one - - 1 1 one,ca-derivations", &["one"]);
    let settings = here.store.settings();
    let machines = crate::MachinesOnBehalf::new(
        Arc::clone(&settings.machines),
        settings.machine_opener.clone().expect("given"),
        Arc::clone(&here.events) as SharedSink,
    );
    let dir = tempfile::tempdir().expect("a directory");
    let cache = |realiser: Option<Arc<dyn Realiser>>| {
        let options = BinaryCacheOptions {
            realiser,
            ..BinaryCacheOptions::new(dir.path().to_owned())
        };
        let client = firn_transfer::Client::new(
            firn_transfer::TransferOptions::default(),
            Arc::clone(&here.events) as SharedSink,
        );
        let url = format!("file://{}", dir.path().join("cache").display());
        BinaryCacheStore::open(&url, here.store_dir(), client, options).expect("opened")
    };
    // One named by its contents, one that depends on it, and one whose builder fails.
    let floating = DerivationOutput::Floating {
        method: firn_store_model::ContentAddressMethod::Nar,
        algorithm: firn_hash::Algorithm::Sha256,
    };
    let first = here.add(needing("first", "one").kind(floating));
    let placeholder = firn_store_model::downstream_placeholder(
        &firn_store_model::SingleDerivedPath::Opaque(first.clone()),
        "out",
    )
    .expect("sound");
    let second = Recipe::script("second", "cat $input > $out; echo $name >> $out")
        .env("requiredSystemFeatures", "one")
        .input(&first)
        .env("input", placeholder);
    let second = here.add(second);
    let failing = Recipe::script("failing", "exit 3").env("requiredSystemFeatures", "one");
    let failing = here.add(failing);
    let bare = cache(None);
    let all = [&first, &second, &failing].map(|drv| (*drv).clone()).into();
    let copying = firn_store::CopyOptions {
        repair: false,
        check_signatures: false,
        substitute: false,
        n_jobs: 1,
        events: Arc::clone(&here.events) as SharedSink,
    };
    firn_store::copy_closure(&here.store, &bare, &all, &copying).expect("copied");
    let wanted = [super::world::all_outputs(&second)];
    let error = bare.build_paths(&wanted, BuildMode::Normal);
    let error = error.expect_err("nobody can build").to_string();
    assert!(error.contains("building is not supported"), "{error}");
    let cache = cache(Some(Arc::new(machines)));
    let results = cache
        .build_paths_with_results(&wanted, BuildMode::Normal)
        .expect("results");
    assert_eq!(
        results[0].status,
        BuildStatus::Built,
        "{}",
        results[0].error
    );
    let out = &results[0]
        .outputs
        .values()
        .next()
        .expect("an output")
        .out_path;
    let mut nar = Vec::new();
    cache.nar_from_path(out, &mut nar).expect("in the cache");
    let text = String::from_utf8_lossy(&nar);
    assert!(text.contains("first\nsecond\n"), "{text}");
    assert!(there[0].store.is_valid_path(out).expect("readable"));
    // What is there is not built again, by whoever asks.
    bare.build_paths(&wanted, BuildMode::Normal).expect("there");
    let error = cache.build_paths(&[super::world::all_outputs(&failing)], BuildMode::Normal);
    let error = error.expect_err("it fails").to_string();
    assert!(
        error.contains("exit code 3") && error.contains("ssh://one"),
        "{error}"
    );
}
