//! A process that ends at any step leaves a store that is clean, and in which the same work then
//! succeeds.
//!
//! The scenario runs in a child process (this test binary, told by an environment variable), once
//! to count its steps and then once for each step, ending there without any clean-up. After each
//! end the store is opened, verified with contents, and the scenario is run to its end in it.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use firn_hash::Hasher;
use firn_store_model::StorePath;

use super::binary_cache::{copy, open, options};
use super::support::{location, quiet};
use crate::profile::Profile;
use crate::tree::LocalTree;
use crate::{
    AddOptions, BinaryCacheStore, DerivationText, DumpFormat, GcAction, GcOptions, LocalStore,
    NarOptions, Store as _, VerifyOptions, fault,
};

const ROOT: &str = "FIRN_CRASH_TEST_ROOT";
const STEP: &str = "FIRN_CRASH_TEST_STEP";

/// The cache that the scenario copies to.
fn cache_of(dir: &Path) -> BinaryCacheStore {
    let url = format!("file://{}", dir.join("cache").display());
    open(&url, options(dir)).unwrap()
}

/// Everything that writes: adding in all ways, copying to a cache and from there to another store,
/// roots, a profile, optimising, collecting.
fn scenario(dir: &Path) {
    let store = LocalStore::open(location(&dir.join("root")), quiet()).unwrap();
    let options = AddOptions::default();
    let source = LocalTree::new(dir.join("sample"));
    let tree = store.add_tree("sample", &source, None, &options).unwrap();
    let text = store
        .add_text("text", b"a text", &[tree.clone()].into())
        .unwrap();
    let mut nar = Vec::new();
    store.nar_from_path(&tree, &mut nar).unwrap();
    let repaired = AddOptions {
        repair: true,
        ..AddOptions::default()
    };
    store.add_tree("sample", &source, None, &repaired).unwrap();
    let copied = store
        .add_dump("copy", &mut nar.as_slice(), DumpFormat::Nar, &options)
        .unwrap();
    let mut info = (*store.query_path_info(&text).unwrap().unwrap()).clone();
    info.info.content_address = None;
    info.path = StorePath::new(&[7; 20], "input-addressed").unwrap();
    let mut nar = Vec::new();
    store.nar_from_path(&text, &mut nar).unwrap();
    store
        .add_nar(&info, &mut nar.as_slice(), NarOptions::default())
        .unwrap();
    let derivations: Vec<DerivationText> = (0..3)
        .map(|i| {
            let contents = format!("not really a derivation {i}").into_bytes();
            let path = store
                .store_dir()
                .make_text_path(&format!("d{i}.drv"), &Hasher::sha256(&contents), [&tree])
                .unwrap();
            DerivationText {
                path,
                contents,
                references: vec![tree.clone()],
                outputs: Vec::new(),
            }
        })
        .collect();
    store.add_derivations(&derivations).unwrap();
    let cache = cache_of(dir);
    let other = LocalStore::open(location(&dir.join("other")), quiet()).unwrap();
    for path in [&text, &copied] {
        copy(&store, &cache, path).unwrap();
        copy(&cache, &other, path).unwrap();
    }
    let profile = Profile::new(dir.join("profile"));
    for path in [&text, &copied] {
        let generation = profile.create_generation(&store, path).unwrap();
        profile.switch_to(&generation.link).unwrap();
    }
    store.optimise().unwrap();
    profile
        .delete_old_generations(false, store.events().as_ref())
        .unwrap();
    let doomed = [derivations[0].path.clone(), info.path.clone()].into();
    let action = GcAction::DeleteSpecific(doomed);
    store
        .collect_garbage(&GcOptions {
            ignore_liveness: true,
            ..GcOptions::new(action)
        })
        .map(drop)
        .unwrap_or_default();
    store
        .collect_garbage(&GcOptions::new(GcAction::DeleteDead))
        .unwrap();
}

/// The child's part; without the variables there is nothing for it to do.
#[test]
fn child() {
    let (Ok(root), Ok(step)) = (std::env::var(ROOT), std::env::var(STEP)) else {
        return;
    };
    let root = Path::new(&root);
    fault::arm(step.parse().unwrap());
    scenario(root);
    std::fs::write(root.join("n-steps"), fault::passed().to_string()).unwrap();
}

fn child_command(dir: &Path, step: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["tests::crashing::child", "--exact", "--test-threads=1"])
        .env(ROOT, dir)
        .env(STEP, step.to_string())
        .env("RAYON_NUM_THREADS", "2")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn run_child(dir: &Path, step: u64) -> std::process::ExitStatus {
    child_command(dir, step).status().unwrap()
}

fn fresh() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("sample");
    std::fs::create_dir_all(root.join("bin")).unwrap();
    for i in 0..6 {
        std::fs::write(root.join(format!("bin/{i}")), vec![b'x'; i * 1000]).unwrap();
    }
    std::os::unix::fs::symlink("bin/1", root.join("link")).unwrap();
    dir
}

/// Every valid path of the stores is what it was registered as, as is every path that the cache
/// tells of, all that it refers to is valid, and the profile leads to one.
fn assert_clean(dir: &Path, when: &str) {
    let store = LocalStore::open(location(&dir.join("root")), quiet()).unwrap();
    assert_sound(&store, when);
    let other = dir.join("other");
    if other.exists() {
        assert_sound(&LocalStore::open(location(&other), quiet()).unwrap(), when);
    }
    assert_cache_sound(dir, when);
    if let Ok(target) = std::fs::read_link(dir.join("profile")) {
        let path = std::fs::read_link(dir.join(target)).unwrap();
        let path = store.store_dir().parse(path.to_str().unwrap()).unwrap();
        let is_valid = store.is_valid_path(&path).unwrap();
        assert!(is_valid, "after {when}: the profile leads nowhere");
    }
}

fn assert_cache_sound(dir: &Path, when: &str) {
    let Ok(entries) = std::fs::read_dir(dir.join("cache")) else {
        return;
    };
    let cache = cache_of(dir);
    for entry in entries {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(hash_part) = name.strip_suffix(".narinfo") else {
            continue;
        };
        let path = cache.query_path_from_hash_part(hash_part).unwrap();
        let path = path.unwrap_or_else(|| panic!("after {when}: {name} tells of no path"));
        let info = cache.query_path_info(&path).unwrap().unwrap();
        let mut nar = Vec::new();
        cache.nar_from_path(&path, &mut nar).unwrap();
        let is_whole = Hasher::sha256(&nar) == info.nar_hash;
        assert!(is_whole, "after {when}: {path} in the cache");
        for reference in &info.references {
            let is_valid = cache.is_valid_path(reference).unwrap();
            assert!(is_valid, "after {when}: {reference} is not in the cache");
        }
    }
}

fn assert_sound(store: &LocalStore, when: &str) {
    let options = VerifyOptions {
        check_contents: true,
        repair: false,
    };
    assert!(!store.verify(options).unwrap(), "after {when}");
    for path in store.query_all_valid_paths().unwrap() {
        let info = store.query_path_info(&path).unwrap().unwrap();
        for reference in &info.references {
            let is_valid = store.is_valid_path(reference).unwrap();
            assert!(is_valid, "after {when}: {reference}");
        }
    }
}

/// How often a process is killed, unless `FIRN_KILLS` says otherwise.
const DEFAULT_ROUNDS: u64 = 12;

#[test]
fn kills_at_any_moment_leave_a_clean_store() {
    let rounds = std::env::var("FIRN_KILLS").ok();
    let rounds = rounds.and_then(|it| it.parse().ok());
    let dir = fresh();
    let started = std::time::Instant::now();
    assert!(run_child(dir.path(), u64::MAX).success());
    let usual = u64::try_from(started.elapsed().as_micros()).unwrap().max(1);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut n_killed = 0;
    for round in 0..rounds.unwrap_or(DEFAULT_ROUNDS) {
        // xorshift: any sequence will do, as long as it is the same each time.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let mut child = child_command(dir.path(), u64::MAX).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_micros(random % usual));
        // It may be over by now.
        drop(child.kill());
        n_killed += u64::from(child.wait().unwrap().signal().is_some());
        assert_clean(dir.path(), &format!("round {round}"));
    }
    assert!(n_killed > 0, "every process was faster than its end");
    scenario(dir.path());
    assert_clean(dir.path(), "all rounds");
}

#[test]
fn a_crash_at_any_step_leaves_a_clean_store() {
    let dir = fresh();
    assert!(run_child(dir.path(), u64::MAX).success());
    let n_steps: u64 = std::fs::read_to_string(dir.path().join("n-steps"))
        .unwrap()
        .parse()
        .unwrap();
    assert!(n_steps > 100, "the scenario has only {n_steps} steps");
    let mut n_crashes = 0;
    for step in 1..=n_steps {
        let dir = fresh();
        let status = run_child(dir.path(), step);
        // Which thread takes a step varies a little, so the last steps may not be reached.
        n_crashes += u64::from(status.signal().is_some());
        assert_clean(dir.path(), &format!("a crash at step {step}"));
        scenario(dir.path());
        assert_clean(dir.path(), &format!("going on from step {step}"));
    }
    assert!(
        n_crashes * 100 >= n_steps * 95,
        "{n_crashes} of {n_steps} steps were reached"
    );
}
