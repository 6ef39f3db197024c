//! Another implementation works on the same store, in turn with ours, and finds it clean.
//!
//! Runs where its `nix-store` is installed (as in continuous integration); elsewhere there is
//! nothing to compare with.

use std::path::Path;
use std::process::{Command, Output};

use super::support::{TestStore, sample_tree};
use crate::{GcAction, GcOptions, Store as _, VerifyOptions};

/// Runs the other `nix-store` on a store below a root.
fn other(root: &Path, args: &[&str]) -> Option<Output> {
    Command::new("nix-store")
        .arg("--store")
        .arg(root)
        .args(args)
        .env_remove("NIX_REMOTE")
        .env("HOME", root.parent().unwrap())
        .env("NIX_CONF_DIR", "/nonexistent")
        .output()
        .ok()
}

fn text_of(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn two_implementations_work_on_one_store_in_turn() {
    let test = TestStore::new();
    let root = test.root();
    let Some(version) = other(&root, &["--version"]) else {
        return;
    };
    text_of(&version);
    let source = sample_tree(test.dir.path());
    let ours = test.tree(&source);
    let base = test.text("base", &[]);
    let user = test.text("user", &[&base, &ours]);
    let verify = || {
        let output = other(&root, &["--verify", "--check-contents"]).unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !stderr.contains("disappeared") && !stderr.contains("modified"),
            "{stderr}"
        );
        let options = VerifyOptions {
            check_contents: true,
            repair: false,
        };
        assert!(!test.store.verify(options).unwrap());
    };
    verify();
    // It knows what we registered.
    let found = text_of(&other(&root, &["-q", "--requisites", &print(&test, &user)]).unwrap());
    assert_eq!(found.lines().count(), 3, "{found}");
    // It makes the same path of the same tree, and we know what it adds.
    let theirs = text_of(&other(&root, &["--add", source.to_str().unwrap()]).unwrap());
    assert_eq!(theirs.trim(), print(&test, &ours));
    let file = test.dir.path().join("from-them");
    std::fs::write(&file, "theirs").unwrap();
    let theirs = text_of(&other(&root, &["--add", file.to_str().unwrap()]).unwrap());
    let theirs = test.store.store_dir().parse(theirs.trim()).unwrap();
    assert!(test.store.is_valid_path(&theirs).unwrap());
    verify();
    // It sees our temporary roots: this process lives, so nothing of ours is garbage to it.
    text_of(&other(&root, &["--gc"]).unwrap());
    assert!(test.store.is_valid_path(&user).unwrap());
    assert!(!test.store.is_valid_path(&theirs).unwrap());
    verify();
    // We see its roots.
    let theirs = text_of(&other(&root, &["--add", file.to_str().unwrap()]).unwrap());
    let link = test.dir.path().join("result");
    let args = [
        "--realise",
        theirs.trim(),
        "--add-root",
        link.to_str().unwrap(),
        "--indirect",
    ];
    text_of(&other(&root, &args).unwrap());
    test.store
        .collect_garbage(&GcOptions::new(GcAction::DeleteDead))
        .unwrap();
    let theirs = test.store.store_dir().parse(theirs.trim()).unwrap();
    assert!(test.store.is_valid_path(&theirs).unwrap());
    test.store.optimise().unwrap();
    verify();
}

fn print(test: &TestStore, path: &firn_store_model::StorePath) -> String {
    test.store.store_dir().print(path)
}
