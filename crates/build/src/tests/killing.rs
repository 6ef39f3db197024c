//! Whoever is killed, at whichever moment: nothing is left running, and nothing is valid that was
//! not built to its end.
//!
//! The build runs in a child process (this test binary, told by an environment variable). In one
//! test it ends at each of its steps in turn; in the other it, its launcher, or one of its builders
//! is killed at a moment that a fixed sequence of numbers chooses. `FIRN_KILLS` says how many times;
//! the store stays the same all the while, so that what one round left is what the next one finds.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use firn_store::{
    BuildMode, LocalOptions, LocalStore, Location, Store as _, StorePathSet, VerifyOptions, fault,
};
use firn_store_model::{DerivedPath, StoreDir};
use rustix::process::{Pid, Signal, kill_process};

use super::world::{Recipe, World, all_outputs};
use crate::BuildSettings;

const ROOT: &str = "FIRN_KILL_TEST_ROOT";
const STEP: &str = "FIRN_KILL_TEST_STEP";
const PAUSE: &str = "FIRN_KILL_TEST_PAUSE";

fn settings() -> BuildSettings {
    BuildSettings {
        max_jobs: 4,
        ..BuildSettings::default()
    }
}

fn world(root: &Path) -> World {
    let store_dir = StoreDir::new("/nix/store").expect("a store directory");
    World::over(Location::below(root, store_dir), settings())
}

/// A diamond of derivations; each leaves something running in the background.
fn scenario(root: &Path, pause: &str) -> Result<(), firn_store::StoreError> {
    let world = world(root);
    let marker = marker(root);
    let work = format!(
        ": {marker}; (setsid sleep 600 {marker} </dev/null >/dev/null 2>&1 &); mkdir $out; \
         echo $name > $out/file; sleep {pause}; ln -s $out $out/self"
    );
    let source = world
        .store
        .add_text("source", b"contents", &StorePathSet::new())?;
    let bottom = world.add(Recipe::script("bottom", &work).source(&source));
    let sides: Vec<_> = (0..4)
        .map(|idx| world.add(Recipe::script(&format!("side-{idx}"), &work).input(&bottom)))
        .collect();
    let top = sides
        .iter()
        .fold(Recipe::script("top", &work), |recipe, side| {
            recipe.input(side)
        });
    let top: DerivedPath = all_outputs(&world.add(top));
    world.store.build_paths(&[top], BuildMode::Normal)
}

/// A word that is in the command line of all that this test starts.
fn marker(root: &Path) -> String {
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    format!("firn-kill-test{}", name.trim_start_matches('.'))
}

/// The child's part; without the variables there is nothing for it to do.
#[test]
fn child() {
    let Ok(root) = std::env::var(ROOT) else {
        return;
    };
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let pause = std::env::var(PAUSE).unwrap_or_default();
    fault::arm(number(STEP).unwrap_or(u64::MAX));
    let root = Path::new(&root);
    scenario(root, &pause).expect("built");
    std::fs::write(root.join("n-steps"), fault::passed().to_string()).expect("written");
}

fn start_child(root: &Path, step: u64, pause: &str) -> Child {
    Command::new(std::env::current_exe().expect("known"))
        .args(["tests::killing::child", "--exact", "--test-threads=1"])
        .env(ROOT, root)
        .env(STEP, step.to_string())
        .env(PAUSE, pause)
        .env("RAYON_NUM_THREADS", "2")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started")
}

/// The processes that have a word in their command line.
fn processes_with(marker: &str) -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").expect("readable");
    entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            String::from_utf8_lossy(&line)
                .contains(marker)
                .then(|| Pid::from_raw(pid))?
        })
        .collect()
}

fn assert_nothing_is_left(root: &Path, when: &str) {
    let marker = marker(root);
    let start = Instant::now();
    while !processes_with(&marker).is_empty() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "left running after {when}: {:?}",
            processes_with(&marker)
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Every valid path is what it was registered as, and all that it refers to is valid.
fn assert_clean(root: &Path, when: &str) {
    let store_dir = StoreDir::new("/nix/store").expect("a store directory");
    let location = Location::below(root, store_dir);
    let store = Arc::new(LocalStore::open(location, LocalOptions::default()).expect("opened"));
    let options = VerifyOptions {
        check_contents: true,
        repair: false,
    };
    assert!(!store.verify(options).expect("verified"), "after {when}");
    for path in store.query_all_valid_paths().expect("readable") {
        let info = store.query_path_info(&path).expect("readable");
        for reference in &info.expect("valid").references {
            let is_valid = store.is_valid_path(reference).expect("readable");
            assert!(is_valid, "after {when}: {path} refers to {reference}");
        }
        let is_output = path.name() == "top" || path.name() == "bottom" || {
            path.name().starts_with("side-") && !path.is_derivation()
        };
        if is_output {
            let tree = store.location().physical_path(&path);
            assert!(
                tree.join("self").is_symlink(),
                "after {when}: half of {path}"
            );
        }
    }
}

#[test]
fn an_end_at_any_step_of_a_build() {
    let root = tempfile::tempdir().expect("a directory");
    let counted = start_child(root.path(), u64::MAX, "0")
        .wait()
        .expect("waited");
    assert!(counted.success());
    let n_steps = std::fs::read_to_string(root.path().join("n-steps")).expect("written");
    let n_steps: u64 = n_steps.parse().expect("a number");
    assert!(n_steps > 20, "the scenario has only {n_steps} steps");
    // Some of the steps in an ordinary run; all of them at night.
    let stride = if rounds() > DEFAULT_ROUNDS {
        1
    } else {
        n_steps / 10
    };
    let mut n_ends = 0;
    for step in (1..=n_steps).step_by(stride as usize) {
        let root = tempfile::tempdir().expect("a directory");
        let status = start_child(root.path(), step, "0").wait().expect("waited");
        n_ends += u64::from(status.signal().is_some());
        let when = format!("an end at step {step}");
        assert_nothing_is_left(root.path(), &when);
        assert_clean(root.path(), &when);
        scenario(root.path(), "0").expect("what was interrupted can be built");
        assert_clean(root.path(), &when);
    }
    assert!(n_ends > 0);
}

const DEFAULT_ROUNDS: u64 = 12;

fn rounds() -> u64 {
    let said = std::env::var("FIRN_KILLS").ok();
    said.and_then(|it| it.parse().ok())
        .unwrap_or(DEFAULT_ROUNDS)
}

#[test]
fn kills_at_any_moment() {
    let root = tempfile::tempdir().expect("a directory");
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..rounds() {
        // xorshift: any sequence will do, as long as it is the same each time.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let mut child = start_child(root.path(), u64::MAX, "0.02");
        std::thread::sleep(Duration::from_millis(random % 150));
        let own = Pid::from_child(&child);
        let (whom, pid) = match round % 3 {
            0 => ("the whole", Some(own)),
            1 => ("its launcher", children_of(own).into_iter().next()),
            _ => {
                let builders = processes_with(&marker(root.path()));
                ("a builder", builders.into_iter().find(|pid| *pid != own))
            }
        };
        if let Some(pid) = pid {
            // It may be over by now.
            kill_process(pid, Signal::KILL).ok();
        }
        child.wait().expect("waited");
        let when = format!("round {round}, {whom} killed");
        assert_nothing_is_left(root.path(), &when);
        assert_clean(root.path(), &when);
        if round % 5 == 4 {
            // From the beginning, or later rounds would find everything built.
            scenario(root.path(), "0").expect("what was interrupted can be built");
            forget(root.path());
        }
    }
    scenario(root.path(), "0").expect("what was interrupted can be built");
    assert_clean(root.path(), "everything");
}

/// Deletes everything that was built.
fn forget(root: &Path) {
    use firn_store::{GcAction, GcOptions};
    let world = world(root);
    let options = GcOptions::new(GcAction::DeleteDead);
    world.store.collect_garbage(&options).expect("collected");
}

fn children_of(pid: Pid) -> Vec<Pid> {
    let pid = pid.as_raw_nonzero();
    let mut children = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
    {
        let Ok(task) = task else { continue };
        let list = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        children.extend(
            list.split_whitespace()
                .filter_map(|pid| Pid::from_raw(pid.parse().ok()?)),
        );
    }
    children
}
