//! Where a local store lies and how it behaves. All of it is passed in: the crate reads no
//! settings and no environment.
//!
//! The *store directory* is what paths begin with; the *physical* directory is where they lie.
//! They differ for a store below a root directory of its own (`--store ROOT`, and the store of a
//! user without privileges).

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_events::{NullSink, SharedSink};
use firn_store_model::{PublicKeys, SecretKey, StoreDir, StorePath};

use super::overlay::OverlayOptions;
use crate::store::Store;

/// Where the parts of a local store lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// What paths begin with.
    pub store_dir: StoreDir,
    /// Where the store directory lies on this machine.
    pub physical_dir: PathBuf,
    /// Database, roots, profiles.
    pub state_dir: PathBuf,
    /// Build logs.
    pub log_dir: PathBuf,
    /// The root directory all of it was derived from, if there is one; builds and programs need
    /// to see the store at its logical place.
    pub root: Option<PathBuf>,
}

impl Location {
    /// A store whose paths lie where they say.
    pub fn plain(store_dir: StoreDir, state_dir: PathBuf, log_dir: PathBuf) -> Self {
        let physical_dir = PathBuf::from(store_dir.as_str());
        Self {
            store_dir,
            physical_dir,
            state_dir,
            log_dir,
            root: None,
        }
    }

    /// A store below a root directory: the state lies in `ROOT/nix/var/nix`, the logs in
    /// `ROOT/nix/var/log/nix`, the store directory is mapped below `ROOT` when it has the default
    /// layout.
    pub fn below(root: &Path, store_dir: StoreDir) -> Self {
        let physical_dir = root.join(store_dir.as_str().trim_start_matches('/'));
        let var = root.join("nix/var");
        Self {
            store_dir,
            physical_dir: if physical_dir.starts_with(root) {
                physical_dir
            } else {
                root.join("nix/store")
            },
            state_dir: var.join("nix"),
            log_dir: var.join("log/nix"),
            root: Some(root.to_owned()),
        }
    }

    /// Where a path lies.
    pub fn physical_path(&self, path: &StorePath) -> PathBuf {
        self.physical_dir.join(path.as_str())
    }

    /// What a link that leads into the store leads to, as a path below the store directory: links
    /// may name the logical or the physical place. `None` for links that lead elsewhere.
    pub fn logical_target(&self, target: &Path) -> Option<PathBuf> {
        if self.store_dir.contains(target.as_os_str().as_bytes()) {
            return Some(target.to_owned());
        }
        let inside = target.strip_prefix(&self.physical_dir).ok()?;
        let is_object = inside.components().next().is_some();
        is_object.then(|| Path::new(self.store_dir.as_str()).join(inside))
    }
}

/// What the settings say about a local store.
#[derive(Clone)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own"
)]
pub struct LocalOptions {
    /// Nothing is written, not even a lock; the store must not change while it is open.
    pub read_only: bool,
    /// Realisations are kept (the experimental feature `ca-derivations`).
    pub ca_derivations: bool,
    /// `use-sqlite-wal`.
    pub use_wal: bool,
    /// `fsync-metadata`: the database is synced.
    pub fsync_metadata: bool,
    /// `use-case-hack`: names in archives that differ in case alone get numbers on disk.
    pub use_case_hack: bool,
    /// `fsync-store-paths`: contents are synced before they are registered.
    pub fsync_store_paths: bool,
    /// `sync-before-registering`: the whole file system is synced before anything is registered.
    pub sync_before_registering: bool,
    /// `auto-optimise-store`.
    pub auto_optimise: bool,
    /// `allow-symlinked-store`.
    pub allow_symlinked_store: bool,
    /// `ignored-acls`: extended attributes that cannot be removed and may stay.
    pub ignored_attributes: Vec<Vec<u8>>,
    /// The group id that builders share, if the store directory is to belong to it.
    pub build_group: Option<u32>,
    /// `keep-outputs`.
    pub keep_outputs: bool,
    /// `keep-derivations`.
    pub keep_derivations: bool,
    /// `gc-reserved-space`.
    pub reserved_space: u64,
    /// `min-free`: free space below which a collection starts by itself; zero for never.
    pub min_free: u64,
    /// `max-free`: free space at which that collection stops.
    pub max_free: u64,
    /// `min-free-check-interval`, in seconds.
    pub min_free_check_interval: u64,
    /// `require-sigs`.
    pub require_signatures: bool,
    /// `trusted-public-keys`, and the public halves of `secret-key-files`.
    pub trusted_keys: PublicKeys,
    /// `secret-key-files`: keys that sign what is built here.
    pub secret_keys: Vec<SecretKey>,
    /// Links that users ask for name the physical place of a path, so that they can be followed
    /// although the store is not where its paths say.
    pub physical_links: bool,
    /// `compress-build-log`.
    pub compress_build_log: bool,
    /// Where the collector finds running programs' roots; `None` for nowhere.
    pub proc_dir: Option<PathBuf>,
    /// Its rank among substituters; the lower number is asked first.
    pub priority: i64,
    /// Whether it may be asked for many paths at once.
    pub want_mass_query: bool,
    /// Whether others take its paths without a signature.
    pub is_trusted: bool,
    /// Where derivations, and sources that builds need, are that this store does not have.
    pub derivation_source: Option<Arc<dyn Store>>,
    /// The store below, where the store directory is an overlay.
    pub overlay: Option<OverlayOptions>,
    /// Points where tests stop a collection, named files that are read at each.
    pub gc_test_hooks: GcTestHooks,
    /// Who is told what happens.
    pub events: SharedSink,
}

/// Hooks of the field's own test suite.
#[derive(Clone, Debug, Default)]
pub struct GcTestHooks {
    /// Read once the collector holds its lock (`_NIX_TEST_GC_SYNC_1`).
    pub locked: Option<PathBuf>,
    /// Read once the collector knows all roots (`_NIX_TEST_GC_SYNC_2`).
    pub rooted: Option<PathBuf>,
    /// Holds the number of free bytes, instead of the file system
    /// (`_NIX_TEST_FREE_SPACE_FILE`).
    pub free_space: Option<PathBuf>,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self {
            read_only: false,
            ca_derivations: false,
            use_case_hack: false,
            use_wal: true,
            fsync_metadata: true,
            fsync_store_paths: false,
            sync_before_registering: false,
            auto_optimise: false,
            allow_symlinked_store: false,
            ignored_attributes: [
                &b"security.csm"[..],
                b"security.selinux",
                b"system.nfs4_acl",
            ]
            .map(<[u8]>::to_vec)
            .to_vec(),
            build_group: None,
            keep_outputs: false,
            keep_derivations: true,
            reserved_space: 8 << 20,
            min_free: 0,
            max_free: u64::MAX,
            min_free_check_interval: 5,
            require_signatures: true,
            trusted_keys: PublicKeys::default(),
            secret_keys: Vec::new(),
            physical_links: false,
            compress_build_log: true,
            proc_dir: Some(PathBuf::from("/proc")),
            priority: 0,
            want_mass_query: false,
            is_trusted: false,
            derivation_source: None,
            overlay: None,
            gc_test_hooks: GcTestHooks::default(),
            events: NullSink::shared(),
        }
    }
}
