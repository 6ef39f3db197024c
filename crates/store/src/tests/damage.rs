//! What goes wrong with the ground a store stands on: a full disk, a damaged database.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::Command;

use super::support::{TestStore, location, quiet};
use crate::{GcAction, GcOptions, LocalOptions, LocalStore, Store as _, StoreError, VerifyOptions};

const ROOT: &str = "FIRN_FULL_DISK_TEST_ROOT";

/// Adds a text of some size whose contents follow from a number.
fn add(store: &LocalStore, number: usize) -> Result<firn_store_model::StorePath, StoreError> {
    let text = format!("{number:08}").repeat(20_000);
    store.add_text("text", text.as_bytes(), &[].into())
}

fn assert_clean(store: &LocalStore) {
    let options = VerifyOptions {
        check_contents: true,
        repair: false,
    };
    assert!(!store.verify(options).unwrap());
}

/// The child's part, on a file system of a few megabytes; without the variable there is nothing
/// for it to do.
#[test]
fn child() {
    let Ok(root) = std::env::var(ROOT) else {
        return;
    };
    let root = Path::new(&root);
    let options = || LocalOptions {
        reserved_space: 1 << 20,
        ..quiet()
    };
    let store = LocalStore::open(location(root), options()).unwrap();
    let (n_added, error) = fill(&store);
    assert!(n_added > 10, "only {n_added}: {error}");
    let text = error.to_string();
    assert!(
        text.contains("No space left") || text.contains("disk is full"),
        "{text}"
    );
    // The last bytes are taken as well, so that not even a transaction has room.
    let filler = root.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[1; 512]).is_ok() {}
    for number in 0..3 {
        assert!(add(&store, 1_000_000 + number).is_err());
    }
    assert_eq!(store.query_all_valid_paths().unwrap().len(), n_added);
    assert_clean(&store);
    // What is reserved for this moment lets garbage be collected all the same.
    let dead = GcOptions::new(GcAction::DeleteDead);
    drop(store);
    let store = LocalStore::open(location(root), options()).unwrap();
    store.collect_garbage(&dead).unwrap();
    add(&store, 7).unwrap();
    assert_clean(&store);
    std::fs::write(root.join("done"), "").unwrap();
}

/// Adds texts until one cannot be added; tells how many could, and why the last could not.
fn fill(store: &LocalStore) -> (usize, StoreError) {
    for number in 0.. {
        if let Err(error) = add(store, number) {
            return (number, error);
        }
    }
    unreachable!("every disk is full at some point")
}

#[test]
fn a_full_disk_is_told_and_harms_nothing() {
    if !firn_sys::support::has_user_namespaces() {
        // A small file system takes a user namespace.
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mounted = "mount -t tmpfs -o size=12m none \"$FIRN_FULL_DISK_TEST_ROOT\" && \
                   \"$0\" tests::damage::child --exact && \
                   test -e \"$FIRN_FULL_DISK_TEST_ROOT/done\"";
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", mounted])
        .arg(std::env::current_exe().unwrap())
        .env(ROOT, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
}

#[test]
fn a_damaged_database_is_told_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let place = location(dir.path());
    let database = place.state_dir.join("db/db.sqlite");
    let store = LocalStore::open(place.clone(), quiet()).unwrap();
    for number in 0..50 {
        let text = format!("{number}");
        store.add_text("text", text.as_bytes(), &[].into()).unwrap();
    }
    drop(store);
    let sound = std::fs::read(&database).unwrap();
    let complaint = || {
        let store = match LocalStore::open(place.clone(), quiet()) {
            Ok(store) => store,
            Err(error) => return error.to_string(),
        };
        let paths = store.query_all_valid_paths();
        let all = paths.and_then(|paths| {
            paths
                .iter()
                .try_for_each(|path| store.query_path_info(path).map(drop))
        });
        all.expect_err("what is damaged is noticed").to_string()
    };
    for (at, n_bytes) in [(0, 100), (4096, sound.len() - 4096)] {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .open(&database)
            .unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(&vec![0xa5; n_bytes]).unwrap();
        drop(file);
        let text = complaint();
        assert!(text.contains(".recover"), "{text}");
        std::fs::write(&database, &sound).unwrap();
    }
    let store = LocalStore::open(place, quiet()).unwrap();
    assert_eq!(store.query_all_valid_paths().unwrap().len(), 50);
    assert_clean(&store);
}

#[test]
fn nothing_is_lost_where_the_last_pages_of_the_log_are() {
    // A log that was cut off, as by a lost power supply, holds whole transactions or none.
    let store = TestStore::new();
    let first = store.text("first", &[]);
    let place = store.store.location().clone();
    let log = place.state_dir.join("db/db.sqlite-wal");
    let before = std::fs::read(&log).unwrap();
    let second = store.text("second", &[]);
    let after = std::fs::read(&log).unwrap();
    assert!(after.len() > before.len());
    let dir = tempfile::tempdir().unwrap();
    let inside = log.strip_prefix(store.root()).unwrap();
    for length in [before.len(), before.len() + 7, after.len() - 1, after.len()] {
        let copy = dir.path().join(length.to_string());
        let mut command = Command::new("cp");
        command.arg("-a").arg(store.root()).arg(&copy);
        assert!(command.status().unwrap().success());
        std::fs::write(copy.join(inside), &after[..length]).unwrap();
        drop(std::fs::remove_file(
            copy.join(inside).with_file_name("db.sqlite-shm"),
        ));
        let copied = LocalStore::open(location(&copy), quiet()).unwrap();
        assert!(copied.is_valid_path(&first).unwrap());
        let has_second = copied.is_valid_path(&second).unwrap();
        assert_eq!(has_second, length == after.len(), "{length} bytes");
        assert_clean(&copied);
    }
}
