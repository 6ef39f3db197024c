//! What is added is what comes out, canonical on disk, and named as other tools name it.

use std::os::unix::fs::MetadataExt as _;

use firn_hash::Algorithm;
use firn_store_model::ContentAddressMethod::{self, Flat, Nar};
use firn_store_model::ValidPathInfo;

use super::support::{TestStore, sample_tree};
use crate::tree::LocalTree;
use crate::{AddOptions, DumpFormat, NarOptions, Store as _, StoreError};

fn dump(test: &TestStore, path: &firn_store_model::StorePath) -> Vec<u8> {
    let mut nar = Vec::new();
    test.store.nar_from_path(path, &mut nar).unwrap();
    nar
}

#[test]
fn a_tree_is_canonical_and_its_archive_has_the_registered_hash() {
    let test = TestStore::new();
    let source = sample_tree(test.dir.path());
    let path = test.tree(&source);
    let info = test.store.query_path_info(&path).unwrap().unwrap();
    let nar = dump(&test, &path);
    assert_eq!(info.nar_size, nar.len() as u64);
    assert_eq!(info.nar_hash, firn_hash::Hasher::sha256(&nar));
    assert_eq!(test.tree(&source), path);
    let mut pending = vec![test.store.physical_path(&path).unwrap()];
    while let Some(path) = pending.pop() {
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        assert_eq!(metadata.mtime(), 1, "{}", path.display());
        if metadata.is_dir() {
            assert_eq!(metadata.mode() & 0o7777, 0o555);
            pending.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if metadata.is_file() {
            assert!([0o444, 0o555].contains(&(metadata.mode() & 0o7777)));
        }
    }
}

#[test]
fn an_archive_moves_between_stores_unchanged() {
    let one = TestStore::new();
    let two = TestStore::new();
    let path = one.tree(&sample_tree(one.dir.path()));
    let nar = dump(&one, &path);
    let info = one.store.query_path_info(&path).unwrap().unwrap();
    two.store
        .add_nar(&info, &mut nar.as_slice(), NarOptions::default())
        .unwrap();
    assert_eq!(dump(&two, &path), nar);
    let same = two
        .store
        .add_dump(
            "sample",
            &mut nar.as_slice(),
            DumpFormat::Nar,
            &AddOptions::default(),
        )
        .unwrap();
    assert_eq!(same, path);
}

#[test]
fn a_wrong_archive_leaves_nothing() {
    let one = TestStore::new();
    let two = TestStore::new();
    let path = one.tree(&sample_tree(one.dir.path()));
    let mut nar = dump(&one, &path);
    let info = one.store.query_path_info(&path).unwrap().unwrap();
    let middle = nar.len() / 2;
    nar[middle] ^= 1;
    let error = two
        .store
        .add_nar(&info, &mut nar.as_slice(), NarOptions::default())
        .unwrap_err();
    assert!(matches!(error, StoreError::HashMismatch { .. }), "{error}");
    let cut = &mut &nar[..middle];
    assert!(
        two.store
            .add_nar(&info, cut, NarOptions::default())
            .is_err()
    );
    assert!(!two.store.is_valid_path(&path).unwrap());
    assert!(!two.store.physical_path(&path).unwrap().exists());
}

#[test]
fn an_info_that_lies_about_its_address_is_refused() {
    let one = TestStore::new();
    let two = TestStore::new();
    let path = one.tree(&sample_tree(one.dir.path()));
    let nar = dump(&one, &path);
    let honest = one.store.query_path_info(&path).unwrap().unwrap();
    let other = one.text("other", &[]);
    let lie = ValidPathInfo {
        path: other.clone(),
        info: honest.info.clone(),
    };
    let error = two
        .store
        .add_nar(&lie, &mut nar.as_slice(), NarOptions::default())
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("claims to be content-addressed but isn't"),
        "{error}"
    );
    assert!(!two.store.is_valid_path(&other).unwrap());
}

#[test]
fn references_must_be_valid() {
    let one = TestStore::new();
    let two = TestStore::new();
    let absent = one.text("absent", &[]);
    let error = two
        .store
        .add_text("x", b"x", &[absent.clone()].into_iter().collect())
        .unwrap_err();
    assert!(error.is_invalid_path(), "{error}");
    assert_eq!(two.store.query_all_valid_paths().unwrap().len(), 0);
}

#[test]
fn every_method_gives_the_path_that_the_reference_gives() {
    let test = TestStore::new();
    let file = test.dir.path().join("hello.txt");
    std::fs::write(&file, "hello\n").unwrap();
    let check = |method, algorithm, expected: &str| {
        let options = AddOptions {
            method,
            algorithm,
            ..AddOptions::default()
        };
        let path = test
            .store
            .add_tree("hello.txt", &LocalTree::new(&file), None, &options);
        assert_eq!(path.unwrap().as_str(), expected, "{method:?} {algorithm:?}");
    };
    check(
        Nar,
        Algorithm::Sha256,
        "i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt",
    );
    check(
        Nar,
        Algorithm::Sha1,
        "hzq8n5jpi3g2d0xhlvqd8q1gx5c9s6i3-hello.txt",
    );
    check(
        Flat,
        Algorithm::Sha256,
        "gy454w1cxaq731grqwylhzf4pp9r5izh-hello.txt",
    );
    check(
        Flat,
        Algorithm::Sha1,
        "svdva85yi507g9vncgsaxvnd1r808h4w-hello.txt",
    );
    check(
        ContentAddressMethod::Git,
        Algorithm::Sha1,
        "rk1ijlrs1r2baksyhs884xqb0afsc830-hello.txt",
    );
    check(
        ContentAddressMethod::Text,
        Algorithm::Sha256,
        "qa1w9gdfrba6jl2r57mb3c43863gqywp-hello.txt",
    );
}

#[test]
fn repairing_replaces_damaged_contents() {
    let test = TestStore::new();
    let source = sample_tree(test.dir.path());
    let path = test.tree(&source);
    let real = test.store.physical_path(&path).unwrap();
    let nar = dump(&test, &path);
    std::fs::remove_file(real.join("a.b")).unwrap();
    let verify = || {
        let options = crate::VerifyOptions {
            check_contents: true,
            repair: false,
        };
        test.store.verify(options).unwrap()
    };
    assert!(verify());
    let repair = AddOptions {
        repair: true,
        ..AddOptions::default()
    };
    test.store
        .add_tree("sample", &LocalTree::new(&source), None, &repair)
        .unwrap();
    assert!(!verify());
    std::fs::remove_file(real.join("a")).unwrap();
    assert!(verify());
    let info = test.store.query_path_info(&path).unwrap().unwrap();
    let options = NarOptions {
        repair: true,
        ..NarOptions::default()
    };
    test.store
        .add_nar(&info, &mut nar.as_slice(), options)
        .unwrap();
    assert!(!verify());
    // The damaged contents are gone for good.
    let names = std::fs::read_dir(test.root().join("nix/store"))
        .unwrap()
        .count();
    assert_eq!(names, 2, "the path and the links");
}

#[test]
fn names_that_differ_in_case_alone_are_told_apart_on_disk() {
    let plain = TestStore::new();
    let source = plain.dir.path().join("cased");
    for name in ["a/File", "a/file", "A/x", "b"] {
        let place = source.join(name);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, name).unwrap();
    }
    let path = plain.tree(&source);
    let nar = dump(&plain, &path);
    let hacked = TestStore::with(crate::LocalOptions {
        use_case_hack: true,
        ..super::support::quiet()
    });
    let info = (*plain.store.query_path_info(&path).unwrap().unwrap()).clone();
    let unsigned = NarOptions {
        check_signatures: false,
        ..NarOptions::default()
    };
    hacked
        .store
        .add_nar(&info, &mut nar.as_slice(), unsigned)
        .unwrap();
    let place = hacked.store.physical_path(&path).unwrap();
    let marked = place.join("a~nix~case~hack~1/file~nix~case~hack~1");
    assert_eq!(std::fs::read(marked).unwrap(), b"a/file");
    assert!(dump(&hacked, &path) == nar, "the archive is the same");
    let dumped = hacked
        .store
        .add_dump(
            "cased",
            &mut nar.as_slice(),
            DumpFormat::Nar,
            &AddOptions::default(),
        )
        .unwrap();
    assert_eq!(dumped, path);
    let verify = crate::VerifyOptions {
        check_contents: true,
        repair: false,
    };
    assert!(!hacked.store.verify(verify).unwrap());
}
