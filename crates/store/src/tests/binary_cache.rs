//! Binary caches, written and read, over files and HTTP, honest and not; and copies between stores.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use firn_events::NullSink;
use firn_hash::Hasher;
use firn_store_model::{
    DrvOutput, NarInfo, OutputName, PublicKeys, Realisation, SecretKey, StoreDir, StorePath,
};
use firn_transfer::{Client, Compression, TransferOptions};

use super::file_server::FileServer;
use super::support::{TestStore, quiet, sample_tree};
use crate::{
    AddOptions, BinaryCacheOptions, BinaryCacheStore, CopyOptions, DiskCacheOptions, DumpFormat,
    LocalOptions, NarInfoDiskCache, NarOptions, Store, StoreError, StorePathSet, copy_closure,
};

fn client() -> Client {
    let options = TransferOptions {
        attempts: 2,
        first_pause: Duration::from_millis(1),
        ..TransferOptions::default()
    };
    Client::new(options, NullSink::shared())
}

pub(super) fn options(dir: &Path) -> BinaryCacheOptions {
    BinaryCacheOptions {
        compression: Compression::Zstd,
        ..BinaryCacheOptions::new(dir.to_owned())
    }
}

pub(super) fn open(url: &str, options: BinaryCacheOptions) -> Result<BinaryCacheStore, StoreError> {
    BinaryCacheStore::open(
        url,
        &StoreDir::new("/nix/store").unwrap(),
        client(),
        options,
    )
}

fn copying() -> CopyOptions {
    CopyOptions {
        repair: false,
        check_signatures: true,
        substitute: false,
        n_jobs: 4,
        events: NullSink::shared(),
    }
}

pub(super) fn copy(
    from: &dyn Store,
    to: &dyn Store,
    path: &StorePath,
) -> Result<StorePathSet, StoreError> {
    copy_closure(from, to, &StorePathSet::from([path.clone()]), &copying())
}

pub(super) fn nar(store: &dyn Store, path: &StorePath) -> Vec<u8> {
    let mut nar = Vec::new();
    store.nar_from_path(path, &mut nar).unwrap();
    nar
}

/// A path that refers to many others, one of them a tree.
pub(super) fn fill(store: &TestStore) -> StorePath {
    let tree = store.tree(&sample_tree(store.dir.path()));
    let leaves: Vec<_> = (0..20)
        .map(|number| store.text(&format!("leaf-{number}"), &[&tree]))
        .collect();
    let middle: Vec<_> = leaves
        .chunks(5)
        .map(|leaves| store.text("middle", &leaves.iter().collect::<Vec<_>>()))
        .collect();
    store.text("top", &middle.iter().collect::<Vec<_>>())
}

#[test]
fn closures_go_through_caches_of_every_compression() {
    let source = TestStore::new();
    let top = fill(&source);
    for compression in [
        Compression::None,
        Compression::Xz,
        Compression::Zstd,
        Compression::Gzip,
        Compression::Bzip2,
        Compression::Brotli,
    ] {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("file://{}/cache", dir.path().display());
        let cache = open(
            &url,
            BinaryCacheOptions {
                compression,
                ..options(dir.path())
            },
        )
        .unwrap();
        let n_copied = copy(&source.store, &cache, &top).unwrap().len();
        assert!(n_copied > 20, "{n_copied}");
        assert!(copy(&source.store, &cache, &top).unwrap().is_empty());

        let target = TestStore::new();
        let fresh = open(&url, options(dir.path())).unwrap();
        assert_eq!(
            copy(&fresh, &target.store, &top).unwrap().len(),
            n_copied,
            "{compression}"
        );
        for path in target.store.query_all_valid_paths().unwrap() {
            assert!(
                nar(&target.store, &path) == nar(&source.store, &path),
                "{path}"
            );
            let (found, expected) = (
                target.store.query_path_info(&path).unwrap().unwrap(),
                source.store.query_path_info(&path).unwrap().unwrap(),
            );
            assert_eq!(found.references, expected.references);
            assert_eq!(found.content_address, expected.content_address);
        }
        assert_eq!(fresh.query_all_valid_paths().unwrap().len(), n_copied);
        assert_eq!(
            fresh
                .query_path_from_hash_part(top.hash_part())
                .unwrap()
                .as_ref(),
            Some(&top)
        );
        let leftovers = std::fs::read_dir(dir.path().join("cache/nar"))
            .unwrap()
            .filter(|entry| {
                entry
                    .as_ref()
                    .unwrap()
                    .file_name()
                    .to_str()
                    .unwrap()
                    .starts_with(".tmp")
            });
        assert_eq!(leftovers.count(), 0);
    }
}

#[test]
fn signatures_decide_who_is_believed() {
    let source = TestStore::new();
    let drv_output = source.text("signed", &[]);
    // Without its content address, a path is believed only for its signature.
    let mut info = (*source.store.query_path_info(&drv_output).unwrap().unwrap()).clone();
    info.content_address = None;
    let archive = nar(&source.store, &drv_output);
    let key = SecretKey::from_seed("cache-1", [1; 32]);
    let dir = tempfile::tempdir().unwrap();
    let url = format!("file://{}", dir.path().display());
    let cache = open(
        &url,
        BinaryCacheOptions {
            secret_keys: vec![key.clone()],
            ..options(dir.path())
        },
    )
    .unwrap();
    cache
        .add_nar(&info, &mut &archive[..], NarOptions::default())
        .unwrap();

    let trusting = |keys: &[SecretKey]| {
        TestStore::with(LocalOptions {
            require_signatures: true,
            trusted_keys: keys
                .iter()
                .map(SecretKey::public_key)
                .collect::<PublicKeys>(),
            ..quiet()
        })
    };
    copy(&cache, &trusting(&[key]).store, &info.path).unwrap();
    let other = trusting(&[SecretKey::from_seed("cache-1", [2; 32])]);
    let error = copy(&cache, &other.store, &info.path).unwrap_err();
    assert!(matches!(error, StoreError::Untrusted { .. }), "{error}");
}

#[test]
fn http_caches_are_written_and_read() {
    let source = TestStore::new();
    let top = fill(&source);
    let dir = tempfile::tempdir().unwrap();
    let server = FileServer::start(&dir.path().join("cache"));
    let writing = BinaryCacheOptions {
        write_listings: true,
        priority: Some(7),
        ..options(dir.path())
    };
    let cache = open(&server.url, writing).unwrap();
    copy(&source.store, &cache, &top).unwrap();
    assert_eq!(cache.traits().priority, 7);
    assert!(
        dir.path()
            .join(format!("cache/{}.ls", top.hash_part()))
            .exists()
    );

    let disk_cache = || {
        let path = dir.path().join("cache.sqlite");
        Some(Arc::new(
            NarInfoDiskCache::open(&path, DiskCacheOptions::default()).unwrap(),
        ))
    };
    let reading = |disk_cache| BinaryCacheOptions {
        disk_cache,
        ..options(dir.path())
    };
    server.take_requests();
    let absent = StorePath::parse("ffffffffffffffffffffffffffffffff-absent").unwrap();
    for is_first in [true, false] {
        // Everything but archives is asked for once and then known, absences too.
        let cache = open(&server.url, reading(disk_cache())).unwrap();
        let target = TestStore::new();
        copy(&cache, &target.store, &top).unwrap();
        assert!(cache.query_path_info(&absent).unwrap().is_none());
        assert!(nar(&target.store, &top) == nar(&source.store, &top));
        let requests = server.take_requests();
        let n_questions = requests
            .iter()
            .filter(|line| !line.starts_with("GET /nar/"))
            .count();
        assert_eq!(n_questions > 0, is_first, "{requests:?}");
    }
    // Answers that are too old do not count.
    let path = dir.path().join("cache.sqlite");
    let hasty = DiskCacheOptions {
        positive_ttl: Duration::ZERO,
        ..DiskCacheOptions::default()
    };
    let hasty = Some(Arc::new(NarInfoDiskCache::open(&path, hasty).unwrap()));
    let cache = open(&server.url, reading(hasty)).unwrap();
    assert!(cache.query_path_info(&top).unwrap().is_some());
    assert!(cache.query_path_info(&absent).unwrap().is_none());
    assert_eq!(
        server.take_requests(),
        [format!("GET /{}.narinfo", top.hash_part())]
    );
    assert!(cache.download_size(&top).unwrap() > 0);
}

#[test]
fn a_damaged_cache_of_answers_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/cache.sqlite");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, vec![b'x'; 10_000]).unwrap();
    let cache = NarInfoDiskCache::open(&path, DiskCacheOptions::default()).unwrap();
    assert_eq!(cache.path(), path);
    assert!(
        std::fs::read(&path)
            .unwrap()
            .starts_with(b"SQLite format 3")
    );
}

#[test]
fn logs_and_realisations() {
    let dir = tempfile::tempdir().unwrap();
    let server = FileServer::start(&dir.path().join("cache"));
    let compressed = BinaryCacheOptions {
        log_compression: Compression::None,
        ..options(dir.path())
    };
    let cache = open(&server.url, compressed).unwrap();
    let drv = StorePath::parse("ffffffffffffffffffffffffffffffff-x.drv").unwrap();
    assert_eq!(cache.build_log(&drv).unwrap(), None);
    cache.add_build_log(&drv, b"building\n").unwrap();
    assert_eq!(
        cache.build_log(&drv).unwrap().as_deref(),
        Some(&b"building\n"[..])
    );

    let id = DrvOutput {
        drv_hash: Hasher::sha256(b""),
        output: OutputName::out(),
    };
    assert_eq!(cache.query_realisation(&id).unwrap(), None);
    let realisation = Realisation {
        id: id.clone(),
        out_path: drv,
        signatures: std::collections::BTreeSet::new(),
        dependent_realisations: std::collections::BTreeMap::new(),
    };
    cache.register_realisation(&realisation, true).unwrap();
    assert_eq!(cache.query_realisation(&id).unwrap(), Some(realisation));
}

#[test]
fn contents_can_be_added_directly() {
    let dir = tempfile::tempdir().unwrap();
    let cache = open(
        &format!("file://{}/c", dir.path().display()),
        options(dir.path()),
    )
    .unwrap();
    let local = TestStore::new();
    let tree = sample_tree(dir.path());
    let expected = local.tree(&tree);
    let tree = crate::tree::LocalTree::new(tree);
    let found = cache
        .add_tree("sample", &tree, None, &AddOptions::default())
        .unwrap();
    assert_eq!(found, expected);
    assert!(nar(&cache, &found) == nar(&local.store, &expected));
    let text = cache
        .add_text("text", b"contents", &StorePathSet::from([found.clone()]))
        .unwrap();
    assert_eq!(
        cache.query_path_info(&text).unwrap().unwrap().references,
        StorePathSet::from([found])
    );
    let flat = cache.add_dump(
        "flat",
        &mut &b"x"[..],
        DumpFormat::Flat,
        &AddOptions::default(),
    );
    assert_eq!(
        flat.unwrap(),
        local
            .store
            .add_dump(
                "flat",
                &mut &b"x"[..],
                DumpFormat::Flat,
                &AddOptions::default()
            )
            .unwrap()
    );
}

#[test]
fn caches_of_other_stores_and_things_that_are_no_caches() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("nix-cache-info"), "StoreDir: /elsewhere\n").unwrap();
    let url = format!("file://{}", dir.path().display());
    let message = |url: &str| open(url, options(dir.path())).err().unwrap().to_string();
    assert_eq!(
        message(&url),
        format!(
            "binary cache '{url}' is for Nix stores with prefix '/elsewhere', not '/nix/store'"
        )
    );
    let file = format!("{url}/nix-cache-info");
    assert!(
        message(&file).starts_with(&format!("'{file}' does not appear to be a binary cache: "))
    );
}

#[test]
fn a_cache_that_fails_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("nix-cache-info"), "StoreDir: /nix/store\n").unwrap();
    let server = FileServer::start(dir.path());
    let disabling = BinaryCacheOptions {
        disable_for: Duration::from_mins(1),
        ..options(dir.path())
    };
    let mut cache = open(&server.url, disabling).unwrap();
    let path = StorePath::parse("ffffffffffffffffffffffffffffffff-x").unwrap();
    assert!(cache.query_path_info(&path).unwrap().is_none());
    // A port where nobody listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    cache.url = format!("http://{port}");
    let other = StorePath::parse("00000000000000000000000000000000-x").unwrap();
    let first = cache.query_path_info(&other).unwrap_err().to_string();
    assert!(first.starts_with("unable to download"), "{first}");
    let second = cache.query_path_info(&other).unwrap_err().to_string();
    assert_eq!(second, format!("substituter 'http://{port}' is disabled"));
}

#[test]
fn a_substituter_is_asked_only_when_needed_and_complains_once() {
    let dir = tempfile::tempdir().unwrap();
    let lazily = |url: &str| {
        let store_dir = StoreDir::new("/nix/store").unwrap();
        BinaryCacheStore::open_lazily(url, &store_dir, client(), options(dir.path())).unwrap()
    };
    std::fs::write(
        dir.path().join("nix-cache-info"),
        "StoreDir: /nix/store\nPriority: 30\n",
    )
    .unwrap();
    let server = FileServer::start(dir.path());
    let cache = lazily(&server.url);
    assert_eq!(
        (server.take_requests().len(), cache.traits().priority),
        (0, 50)
    );
    let path = StorePath::parse("ffffffffffffffffffffffffffffffff-x").unwrap();
    assert!(cache.query_path_info(&path).unwrap().is_none());
    assert_eq!(
        (server.take_requests().len(), cache.traits().priority),
        (2, 30)
    );

    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let absent = lazily(&format!("http://{port}"));
    assert!(absent.query_path_info(&path).is_err());
    assert!(absent.query_path_info(&path).unwrap().is_none());
}

/// A cache with one path, and its narinfo changed.
fn lying_cache(
    change: impl FnOnce(&mut NarInfo, &Path),
) -> (TestStore, BinaryCacheStore, StorePath) {
    let source = TestStore::new();
    let path = source.text("honest", &[]);
    let directory = source.dir.path().join("cache");
    let url = format!("file://{}", directory.display());
    let plain = BinaryCacheOptions {
        compression: Compression::None,
        ..options(source.dir.path())
    };
    copy(&source.store, &open(&url, plain.clone()).unwrap(), &path).unwrap();
    let file = directory.join(NarInfo::file_name(&path));
    let store_dir = StoreDir::new("/nix/store").unwrap();
    let mut narinfo = NarInfo::parse(&store_dir, &std::fs::read(&file).unwrap(), "x").unwrap();
    change(&mut narinfo, &directory);
    std::fs::write(&file, narinfo.print(&store_dir)).unwrap();
    let cache = open(&url, plain).unwrap();
    (source, cache, path)
}

#[track_caller]
fn check_lie(change: impl FnOnce(&mut NarInfo, &Path), message: &str) {
    let (_source, cache, path) = lying_cache(change);
    let target = TestStore::new();
    let error = copy(&cache, &target.store, &path).unwrap_err().to_string();
    assert!(error.contains(message), "{error}");
    assert!(!target.store.is_valid_path(&path).unwrap());
    let leftovers = std::fs::read_dir(target.root().join("nix/store"))
        .unwrap()
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_str()
                .unwrap()
                .ends_with("-honest")
        });
    assert_eq!(leftovers.count(), 0);
}

#[test]
fn lies_of_caches_are_found_out() {
    check_lie(
        |narinfo, _| narinfo.info.nar_hash = Hasher::sha256(b"other"),
        "hash mismatch importing path",
    );
    check_lie(
        |narinfo, _| narinfo.url = "../x".into(),
        "lies outside of it",
    );
    check_lie(
        |narinfo, _| narinfo.compression = "rar".into(),
        "unknown compression method 'rar'",
    );
    check_lie(|narinfo, _| narinfo.compression = "xz".into(), "honest");
    check_lie(
        |narinfo, _| narinfo.url = "nar/absent.nar".into(),
        "absent.nar",
    );
    check_lie(
        |narinfo, _| narinfo.info.nar_size -= 8,
        "end of the archive",
    );
    check_lie(
        |narinfo, directory| {
            let file = directory.join(&narinfo.url);
            let half = std::fs::read(&file).unwrap();
            std::fs::write(&file, &half[..half.len() / 2]).unwrap();
        },
        "end of the archive",
    );
    check_lie(
        |narinfo, directory| {
            let url = directory.join(&narinfo.url);
            let other = firn_store_model::nar::write_nar_file(b"evil", Vec::new()).unwrap();
            std::fs::write(url, other).unwrap();
        },
        "mismatch importing path",
    );
}

#[test]
fn a_narinfo_about_another_path_is_refused() {
    let (_source, cache, path) = lying_cache(|narinfo, _| {
        narinfo.info.path = StorePath::parse("ffffffffffffffffffffffffffffffff-honest").unwrap();
    });
    let error = cache.query_path_info(&path).unwrap_err().to_string();
    assert!(
        error.contains("is about 'ffffffffffffffffffffffffffffffff-honest'"),
        "{error}"
    );
}

#[test]
fn references_must_be_there_first() {
    let source = TestStore::new();
    let leaf = source.text("leaf", &[]);
    let top = source.text("top", &[&leaf]);
    let dir = tempfile::tempdir().unwrap();
    let cache = open(
        &format!("file://{}", dir.path().display()),
        options(dir.path()),
    )
    .unwrap();
    let error = crate::copy_paths(
        &source.store,
        &cache,
        &StorePathSet::from([top.clone()]),
        &copying(),
    )
    .unwrap_err();
    let store_dir = source.store.store_dir();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot add '{}' to the binary cache because the reference '{}' is not valid",
            store_dir.print(&top),
            store_dir.print(&leaf)
        )
    );
    let missing = StorePath::parse("ffffffffffffffffffffffffffffffff-x").unwrap();
    assert!(
        copy(&source.store, &cache, &missing)
            .unwrap_err()
            .is_invalid_path()
    );
}

#[test]
fn archives_that_were_read_once_are_kept_where_that_is_asked_for() {
    let store = TestStore::new();
    let path = store.tree(&sample_tree(store.dir.path()));
    let dir = tempfile::tempdir().unwrap();
    let (cache_dir, kept) = (dir.path().join("cache"), dir.path().join("kept"));
    let url = format!("file://{}", cache_dir.display());
    let plain = open(&url, options(dir.path())).unwrap();
    copy(&store.store, &plain, &path).unwrap();
    let keeping = || {
        let options = BinaryCacheOptions {
            local_nar_cache: Some(kept.clone()),
            ..options(dir.path())
        };
        open(&url, options).unwrap()
    };
    let expected = nar(&store.store, &path);
    assert_eq!(nar(&keeping(), &path), expected);
    std::fs::remove_dir_all(cache_dir.join("nar")).unwrap();
    assert_eq!(nar(&keeping(), &path), expected);
    assert!(plain.nar_from_path(&path, &mut Vec::new()).is_err());
    // What was cut short is fetched anew, which is no longer possible.
    let file = std::fs::read_dir(&kept)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::write(&file, &expected[..expected.len() / 2]).unwrap();
    assert!(keeping().nar_from_path(&path, &mut Vec::new()).is_err());
    assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 1);
}

#[test]
fn files_of_debug_information_are_found_by_the_program_that_they_are_about() {
    let store = TestStore::new();
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("tree/lib/debug/.build-id/0a");
    let (name, id) = ("b".repeat(38), format!("0a{}", "b".repeat(38)));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.debug")), "symbols").unwrap();
    std::fs::write(folder.join("other.debug"), "no id").unwrap();
    let path = store.tree(&dir.path().join("tree"));
    let cache_dir = dir.path().join("cache");
    let indexing = BinaryCacheOptions {
        index_debug_info: true,
        compression: Compression::None,
        ..options(dir.path())
    };
    let cache = open(&format!("file://{}", cache_dir.display()), indexing).unwrap();
    copy(&store.store, &cache, &path).unwrap();
    let files: Vec<_> = std::fs::read_dir(cache_dir.join("debuginfo"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, [format!("{id}.debug")]);
    let text = std::fs::read(cache_dir.join("debuginfo").join(&files[0])).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let member = format!("lib/debug/.build-id/0a/{name}.debug");
    assert_eq!(index["member"], member.as_str());
    let archive = index["archive"]
        .as_str()
        .unwrap()
        .strip_prefix("../")
        .unwrap();
    assert!(cache_dir.join(archive).is_file());
}
