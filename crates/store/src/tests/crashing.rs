//! A process that ends at any step leaves a store that is clean, and in which the same work then
//! succeeds.
//!
//! The scenario runs in a child process (this test binary, told by an environment variable), once
//! to count its steps and then once for each step, ending there without any clean-up. After each
//! end the store is opened, verified with contents, and the scenario is run to its end in it.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use firn_hash::Hasher;
use firn_store_model::StorePath;

use super::support::{location, quiet};
use crate::profile::Profile;
use crate::tree::LocalTree;
use crate::{
    AddOptions, DerivationText, DumpFormat, GcAction, GcOptions, LocalStore, NarOptions,
    Store as _, VerifyOptions, fault,
};

const ROOT: &str = "FIRN_CRASH_TEST_ROOT";
const STEP: &str = "FIRN_CRASH_TEST_STEP";

/// Everything that writes: adding in all ways, roots, a profile, optimising, collecting.
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
    let copy = store
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
    let profile = Profile::new(dir.join("profile"));
    for path in [&text, &copy] {
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

fn run_child(dir: &Path, step: u64) -> std::process::ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["tests::crashing::child", "--exact", "--test-threads=1"])
        .env(ROOT, dir)
        .env(STEP, step.to_string())
        .env("RAYON_NUM_THREADS", "2")
        .output()
        .unwrap()
        .status
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
        let store = LocalStore::open(location(&dir.path().join("root")), quiet()).unwrap();
        let options = VerifyOptions {
            check_contents: true,
            repair: false,
        };
        assert!(
            !store.verify(options).unwrap(),
            "after a crash at step {step}"
        );
        for path in store.query_all_valid_paths().unwrap() {
            let info = store.query_path_info(&path).unwrap().unwrap();
            for reference in &info.references {
                assert!(
                    store.is_valid_path(reference).unwrap(),
                    "step {step}: {reference}"
                );
            }
        }
        if let Ok(target) = std::fs::read_link(dir.path().join("profile")) {
            let generation = dir.path().join(target);
            let path = std::fs::read_link(&generation).unwrap();
            let path = store.store_dir().parse(path.to_str().unwrap()).unwrap();
            assert!(
                store.is_valid_path(&path).unwrap(),
                "step {step}: profile leads nowhere"
            );
        }
        drop(store);
        scenario(dir.path());
        let store = LocalStore::open(location(&dir.path().join("root")), quiet()).unwrap();
        assert!(
            !store.verify(options).unwrap(),
            "after going on from step {step}"
        );
    }
    assert!(
        n_crashes * 100 >= n_steps * 95,
        "{n_crashes} of {n_steps} steps were reached"
    );
}
