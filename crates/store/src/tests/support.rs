//! Temporary stores for tests.

use std::path::{Path, PathBuf};

use firn_store_model::StoreDir;
use tempfile::TempDir;

use crate::tree::LocalTree;
use crate::{AddOptions, LocalOptions, LocalStore, Location, Store as _, StorePathSet};

/// A store below a temporary root directory.
pub(super) struct TestStore {
    pub(super) dir: TempDir,
    pub(super) store: LocalStore,
}

/// Options that do not look at the machine's processes.
pub(super) fn quiet() -> LocalOptions {
    LocalOptions {
        proc_dir: None,
        fsync_metadata: false,
        ..LocalOptions::default()
    }
}

pub(super) fn location(root: &Path) -> Location {
    Location::below(root, StoreDir::new("/nix/store").unwrap())
}

impl TestStore {
    pub(super) fn new() -> Self {
        Self::with(quiet())
    }

    pub(super) fn with(options: LocalOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = LocalStore::open(location(&dir.path().join("root")), options).unwrap();
        Self { dir, store }
    }

    pub(super) fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    /// Adds a text whose references are as given.
    pub(super) fn text(
        &self,
        name: &str,
        references: &[&firn_store_model::StorePath],
    ) -> firn_store_model::StorePath {
        let references: StorePathSet = references.iter().map(|path| (*path).clone()).collect();
        self.store
            .add_text(name, format!("the text {name}").as_bytes(), &references)
            .unwrap()
    }

    /// Adds a tree from disk as sources are added.
    pub(super) fn tree(&self, path: &Path) -> firn_store_model::StorePath {
        let name = path.file_name().unwrap().to_str().unwrap();
        self.store
            .add_tree(name, &LocalTree::new(path), None, &AddOptions::default())
            .unwrap()
    }
}

/// A directory with files, an executable, links, an empty directory and awkward names.
pub(super) fn sample_tree(parent: &Path) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::PermissionsExt as _;
    let root = parent.join("sample");
    std::fs::create_dir_all(root.join("bin")).unwrap();
    std::fs::create_dir_all(root.join("empty")).unwrap();
    std::fs::write(root.join("bin/run"), "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(root.join("bin/run"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(root.join("a"), vec![b'x'; 3_000_000]).unwrap();
    std::fs::write(root.join("a.b"), "").unwrap();
    std::fs::write(
        root.join(std::ffi::OsStr::from_bytes(b"\xff\xfe")),
        "not text",
    )
    .unwrap();
    std::os::unix::fs::symlink("../nowhere", root.join("bin/link")).unwrap();
    for i in 0..100 {
        std::fs::create_dir_all(root.join(format!("many/{}", i % 7))).unwrap();
        std::fs::write(root.join(format!("many/{}/{i}", i % 7)), vec![b'y'; i * 11]).unwrap();
    }
    root
}
