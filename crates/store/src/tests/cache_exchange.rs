//! Caches exchanged with the reference, both ways, where its commands are installed. Without them
//! there is nothing to compare with, and the tests say so and pass.

use std::path::Path;
use std::process::Command;

use firn_events::NullSink;
use firn_store_model::{PublicKey, PublicKeys, SecretKey, StorePath};
use firn_transfer::Compression;

use super::binary_cache::{copy, fill, nar, open, options};
use super::file_server::FileServer;
use super::support::{TestStore, quiet};
use crate::{BinaryCacheOptions, LocalOptions, Store as _, StorePathSet};

/// Runs a command of the reference, away from the user's own settings and caches.
fn run(home: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", home)
        .env("NIX_CONF_DIR", home)
        .env(
            "NIX_CONFIG",
            "experimental-features = nix-command\nsubstituters =\n",
        )
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn is_installed() -> bool {
    Path::new("/usr/bin/nix-store").exists() && Path::new("/usr/bin/nix").exists()
}

#[test]
fn the_reference_reads_our_caches() {
    if !is_installed() {
        return;
    }
    let source = TestStore::new();
    let top = fill(&source);
    let shown = source.store.store_dir().print(&top);
    let dir = tempfile::tempdir().unwrap();
    let key = SecretKey::from_seed("firn-1", [3; 32]);
    for compression in [
        Compression::Xz,
        Compression::Zstd,
        Compression::Bzip2,
        Compression::Brotli,
    ] {
        let cache_dir = dir.path().join(compression.name());
        let url = format!("file://{}", cache_dir.display());
        let writing = BinaryCacheOptions {
            compression,
            secret_keys: vec![key.clone()],
            ..options(dir.path())
        };
        copy(&source.store, &open(&url, writing).unwrap(), &top).unwrap();
        let server = FileServer::start(&cache_dir);
        for from in [&url, &server.url] {
            let target = tempfile::tempdir().unwrap();
            let store = format!("local?root={}", target.path().display());
            let trusted = key.public_key().to_string();
            let copying = ["copy", "--from", from, "--to", &store, &shown];
            let believing = [
                "--option",
                "trusted-public-keys",
                &trusted,
                "--option",
                "require-sigs",
                "true",
            ];
            run(dir.path(), "nix", &[&copying[..], &believing].concat());
            run(
                dir.path(),
                "nix-store",
                &["--store", &store, "--verify", "--check-contents"],
            );
            let paths = run(dir.path(), "nix-store", &["--store", &store, "-qR", &shown]);
            let expected = source.store.query_all_valid_paths().unwrap();
            assert_eq!(paths.lines().count(), expected.len());
            let verified = [
                "store",
                "verify",
                "--store",
                &store,
                "-r",
                "--sigs-needed",
                "1",
                &shown,
            ];
            run(
                dir.path(),
                "nix",
                &[&verified[..], &believing[..2], &[&trusted]].concat(),
            );
        }
    }
}

#[test]
fn we_read_caches_of_the_reference() {
    if !is_installed() {
        return;
    }
    let source = TestStore::new();
    let top = fill(&source);
    let shown = source.store.store_dir().print(&top);
    let dir = tempfile::tempdir().unwrap();
    let key_file = dir.path().join("key");
    let key = SecretKey::from_seed("reference-1", [4; 32]);
    std::fs::write(&key_file, key.to_secret_text()).unwrap();
    let store = format!("local?root={}", source.root().display());
    for compression in ["xz", "zstd", "bzip2", "none"] {
        let cache_dir = dir.path().join(compression);
        let url = format!("file://{}", cache_dir.display());
        let to = format!(
            "{url}?compression={compression}&secret-key={}&write-nar-listing=1",
            key_file.display()
        );
        run(
            dir.path(),
            "nix",
            &["copy", "--store", &store, "--to", &to, &shown],
        );

        let trusted: PublicKeys = [PublicKey::parse(&key.public_key().to_string()).unwrap()]
            .into_iter()
            .collect();
        let target = TestStore::with(LocalOptions {
            require_signatures: true,
            trusted_keys: trusted.clone(),
            ..quiet()
        });
        let cache = open(&url, options(dir.path())).unwrap();
        copy(&cache, &target.store, &top).unwrap();
        assert!(nar(&target.store, &top) == nar(&source.store, &top));
        for path in target.store.query_all_valid_paths().unwrap() {
            let info = cache.query_path_info(&path).unwrap().unwrap();
            let fingerprint = info.fingerprint(cache.store_dir()).unwrap();
            assert_eq!(
                trusted.count_good(fingerprint.as_bytes(), &info.signatures),
                1,
                "{path}"
            );
        }
        check_listing(&cache_dir, &source, &top, dir.path());
    }
}

/// Our listing of an archive is that of the reference.
fn check_listing(cache_dir: &Path, source: &TestStore, top: &StorePath, temporary_dir: &Path) {
    let ours = tempfile::tempdir().unwrap();
    let url = format!("file://{}", ours.path().display());
    let writing = BinaryCacheOptions {
        write_listings: true,
        ..options(temporary_dir)
    };
    let cache = open(&url, writing).unwrap();
    let all: StorePathSet = crate::closure::closure(
        &source.store,
        [top.clone()],
        crate::closure::ClosureOptions::default(),
    )
    .unwrap();
    let copying = crate::CopyOptions {
        repair: false,
        check_signatures: false,
        substitute: false,
        n_jobs: 2,
        events: NullSink::shared(),
    };
    crate::copy_paths(&source.store, &cache, &all, &copying).unwrap();
    // The sample has a name that is no text, which the reference writes as invalid JSON.
    for path in all.iter().filter(|path| path.name() != "sample") {
        let name = format!("{}.ls", path.hash_part());
        let read = |dir: &Path| -> serde_json::Value {
            serde_json::from_slice(&std::fs::read(dir.join(&name)).unwrap()).unwrap()
        };
        assert_eq!(read(ours.path()), read(cache_dir), "{path}");
    }
}
