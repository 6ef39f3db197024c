//! What is reachable stays, what is not goes, and nobody is surprised in the middle of work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::support::{TestStore, location, quiet};
use crate::{GcAction, GcOptions, LocalOptions, LocalStore, Store as _, StoreError};

fn collect(store: &LocalStore, action: GcAction) -> crate::GcResult {
    store.collect_garbage(&GcOptions::new(action)).unwrap()
}

/// Adds texts as a process would that is gone now: what it added is no temporary root any more.
fn forget_temp_roots(test: TestStore, options: LocalOptions) -> TestStore {
    let TestStore { dir, store } = test;
    drop(store);
    let store = LocalStore::open(location(&dir.path().join("root")), options).unwrap();
    TestStore { dir, store }
}

#[test]
fn only_what_a_root_leads_to_stays() {
    let test = TestStore::new();
    let base = test.text("base", &[]);
    let kept = test.text("kept", &[&base]);
    let dead_base = test.text("dead-base", &[]);
    let dead = test.text("dead", &[&dead_base, &base]);
    let link = test.dir.path().join("result");
    let test = forget_temp_roots(test, quiet());
    test.store.add_perm_root(&kept, &link).unwrap();
    // A process that is gone: its temporary root for `kept` must not matter either.
    let test = forget_temp_roots(test, quiet());
    std::fs::write(test.root().join("nix/store/junk"), "x").unwrap();
    let found = collect(&test.store, GcAction::ReturnDead);
    assert_eq!(found.paths.len(), 2);
    assert_eq!(collect(&test.store, GcAction::ReturnLive).paths.len(), 2);
    let result = collect(&test.store, GcAction::DeleteDead);
    assert_eq!(result.paths.len(), 3);
    for (path, valid) in [
        (&base, true),
        (&kept, true),
        (&dead, false),
        (&dead_base, false),
    ] {
        assert_eq!(test.store.is_valid_path(path).unwrap(), valid, "{path}");
        assert_eq!(
            test.store.physical_path(path).unwrap().exists(),
            valid,
            "{path}"
        );
    }
    let holds = test.store.root_holds().unwrap();
    assert_eq!(holds.len(), 1);
    assert_eq!((holds[0].n_paths, &holds[0].path), (2, &kept));
    let because = test.store.why_alive(&base).unwrap();
    assert_eq!(because[0].chain.len(), 2);
    std::fs::remove_file(&link).unwrap();
    assert_eq!(collect(&test.store, GcAction::DeleteDead).paths.len(), 2);
    assert_eq!(
        std::fs::read_dir(test.root().join("nix/var/nix/gcroots/auto"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn a_limit_stops_the_collection() {
    let test = TestStore::new();
    for i in 0..10 {
        drop(test.text(&format!("garbage-{i}"), &[]));
    }
    let test = forget_temp_roots(test, quiet());
    let options = GcOptions {
        max_freed: 1,
        ..GcOptions::new(GcAction::DeleteDead)
    };
    assert_eq!(test.store.collect_garbage(&options).unwrap().paths.len(), 1);
    let options = GcOptions {
        max_freed: 0,
        ..GcOptions::new(GcAction::DeleteDead)
    };
    assert_eq!(test.store.collect_garbage(&options).unwrap().paths.len(), 0);
    assert_eq!(test.store.query_all_valid_paths().unwrap().len(), 9);
}

#[test]
fn specific_paths_go_only_with_all_their_referrers() {
    let test = TestStore::new();
    let base = test.text("base", &[]);
    let user = test.text("user", &[&base]);
    let test = forget_temp_roots(test, quiet());
    let delete = |paths: &[&firn_store_model::StorePath], ignore_liveness| {
        let paths = paths.iter().map(|path| (*path).clone()).collect();
        let action = GcAction::DeleteSpecific(paths);
        test.store.collect_garbage(&GcOptions {
            ignore_liveness,
            ..GcOptions::new(action)
        })
    };
    assert!(matches!(
        delete(&[&base], false),
        Err(StoreError::StillAlive { .. })
    ));
    test.store
        .add_perm_root(&user, &test.dir.path().join("result"))
        .unwrap();
    assert!(delete(&[&base, &user], false).is_err());
    assert_eq!(test.store.query_all_valid_paths().unwrap().len(), 2);
    let test = forget_temp_roots(test, quiet());
    let paths = [base, user].into_iter().collect();
    let options = GcOptions {
        ignore_liveness: true,
        ..GcOptions::new(GcAction::DeleteSpecific(paths))
    };
    assert_eq!(test.store.collect_garbage(&options).unwrap().paths.len(), 2);
    assert_eq!(test.store.query_all_valid_paths().unwrap().len(), 0);
}

#[test]
fn adders_and_collectors_at_once_lose_nothing() {
    let test = TestStore::new();
    let stop = Arc::new(AtomicBool::new(false));
    let collector = std::thread::spawn({
        let stop = Arc::clone(&stop);
        let root = test.root();
        move || {
            let store = LocalStore::open(location(&root), quiet()).unwrap();
            let mut rounds = 0;
            while !stop.load(Ordering::SeqCst) {
                collect(&store, GcAction::DeleteDead);
                rounds += 1;
            }
            rounds
        }
    });
    let adders: Vec<_> = (0..4)
        .map(|thread| {
            let root = test.root();
            std::thread::spawn(move || {
                let store = LocalStore::open(location(&root), quiet()).unwrap();
                let mut last = None;
                for i in 0..40 {
                    let references = last.iter().cloned().collect();
                    let text = format!("{thread} {i}");
                    let path = store.add_text("t", text.as_bytes(), &references).unwrap();
                    assert!(store.is_valid_path(&path).unwrap());
                    assert!(store.physical_path(&path).unwrap().exists());
                    last = Some(path);
                }
            })
        })
        .collect();
    for adder in adders {
        adder.join().unwrap();
    }
    stop.store(true, Ordering::SeqCst);
    assert!(collector.join().unwrap() > 0);
    assert_eq!(test.store.query_all_valid_paths().unwrap().len(), 160);
}
