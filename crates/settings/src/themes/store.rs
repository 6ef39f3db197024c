//! Settings of the stores: what is kept, trusted, synced and substituted.

use std::collections::BTreeSet;

use crate::table::theme;

theme! {
    /// How the local store behaves, whom it trusts, and where it looks for what it lacks.
    StoreSettings in store, shared true, from machine;

    /// Whether the store directory may be reached through symbolic links.
    "allow-symlinked-store" allow_symlinked_store: bool = machine.allow_symlinked_store;
    /// Users, and groups with a leading `@`, who may connect to the daemon. `*` is everyone.
    "allowed-users" allowed_users: Vec<String> = vec!["*".to_owned()];
    /// Whether derivations are substituted even if they say `allowSubstitutes = false`.
    "always-allow-substitutes" always_allow_substitutes: bool = false;
    /// Whether equal files in the store are linked together as they are added.
    "auto-optimise-store" auto_optimise_store: bool = false;
    /// Whether changes to the store's database are flushed to disk before they count.
    "fsync-metadata" fsync_metadata: bool = true;
    /// Whether the contents of store paths are flushed to disk before they are registered.
    "fsync-store-paths" fsync_store_paths: bool = false;
    /// Bytes kept in reserve so that garbage can be collected on a full disk.
    "gc-reserved-space" gc_reserved_space: i64 = 8 << 20;
    /// Access control attributes that are left alone when store paths are made canonical.
    "ignored-acls" ignored_acls: BTreeSet<String> = ["security.csm", "security.selinux", "system.nfs4_acl"].map(str::to_owned).into();
    /// Whether the collector keeps the derivations that live paths were built from.
    "keep-derivations" keep_derivations: bool = true, aliases ["gc-keep-derivations"];
    /// Whether user environments keep the derivations of their members alive.
    "keep-env-derivations" keep_env_derivations: bool = false, aliases ["env-keep-derivations"];
    /// Whether the collector keeps the outputs of live derivations.
    "keep-outputs" keep_outputs: bool = false, aliases ["gc-keep-outputs"];
    /// Where a collection that `min-free` started stops: that many bytes are free.
    "max-free" max_free: u64 = i64::MAX as u64;
    /// Garbage is collected during builds when fewer bytes than this are free. 0 never collects.
    "min-free" min_free: u64 = 0;
    /// Seconds between two looks at the free space.
    "min-free-check-interval" min_free_check_interval: u64 = 5;
    /// How many bytes of an archive are held in memory before it goes to disk.
    "nar-buffer-size" nar_buffer_size: u64 = 32 << 20;
    /// Seconds for which what a cache says of itself is remembered.
    "narinfo-cache-meta-ttl" narinfo_cache_meta_ttl: u32 = 7 * 24 * 3600;
    /// Seconds for which it is remembered that a cache lacks a path.
    "narinfo-cache-negative-ttl" narinfo_cache_negative_ttl: u32 = 3600;
    /// Seconds for which it is remembered that a cache has a path.
    "narinfo-cache-positive-ttl" narinfo_cache_positive_ttl: u32 = 30 * 24 * 3600;
    /// Whether disk space is reserved for files of known size before they are written.
    "preallocate-contents" preallocate_contents: bool = false;
    /// Whether paths from elsewhere need the signature of a trusted key, unless their name proves
    /// their contents.
    "require-sigs" require_sigs: bool = true;
    /// Files with secret keys by which locally built paths are signed.
    "secret-key-files" secret_key_files: Vec<String> = Vec::new();
    /// The store that commands work on, as a URL.
    "store" store: String = machine.store.clone();
    /// Whether paths are fetched from substituters instead of being built.
    "substitute" substitute: bool = true, aliases ["build-use-substitutes"];
    /// Stores, as URLs, from which paths are fetched. The one with the lowest priority number is
    /// asked first.
    "substituters" substituters: Vec<String> = vec!["https://cache.nixos.org/".to_owned()], aliases ["binary-caches"];
    /// Whether the whole file system is synced before a path is registered.
    "sync-before-registering" sync_before_registering: bool = false;
    /// Public keys whose signatures are trusted.
    "trusted-public-keys" trusted_public_keys: Vec<String> = vec!["cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=".to_owned()], aliases ["binary-cache-public-keys"];
    /// Substituters that users whom the daemon does not trust may choose.
    "trusted-substituters" trusted_substituters: BTreeSet<String> = BTreeSet::new(), aliases ["trusted-binary-caches"];
    /// Users, and groups with a leading `@`, who may do with the store whatever root may.
    "trusted-users" trusted_users: Vec<String> = vec!["root".to_owned()];
    /// Whether file names that differ only in case get a suffix on disk, for file systems that
    /// cannot tell them apart.
    "use-case-hack" use_case_hack: bool = false;
    /// Whether the database keeps a write-ahead log.
    "use-sqlite-wal" use_sqlite_wal: bool = true;
}
