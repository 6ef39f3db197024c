//! Settings of fetchers, flakes and registries.

use std::collections::BTreeMap;

use crate::table::theme;

theme! {
    /// How sources are fetched and locked.
    SourceSettings in sources, shared true, from machine;

    /// Whether settings that a flake brings along are taken without asking.
    "accept-flake-config" accept_flake_config: bool = false, feature Flakes;
    /// Tokens for hosts that want one, as `host=token` or `host/path=token`.
    "access-tokens" access_tokens: BTreeMap<String, String> = BTreeMap::new();
    /// Whether working trees with uncommitted changes may be used.
    "allow-dirty" allow_dirty: bool = true;
    /// Whether such a tree may be written to a lock file, by the hash of its contents.
    "allow-dirty-locks" allow_dirty_locks: bool = false, feature Flakes;
    /// The summary of commits that change a lock file; if empty, it says what was done.
    "commit-lock-file-summary" commit_lock_file_summary: String = String::new(), aliases ["commit-lockfile-summary"], feature Flakes;
    /// The global registry: a URL or a path; empty for none.
    "flake-registry" flake_registry: String = "https://channels.nixos.org/flake-registry.json".to_owned(), feature Flakes;
    /// Servers from which files with a known hash can be had as `SERVER/ALGORITHM/HASH`, asked
    /// before the file's own URL.
    "hashed-mirrors" hashed_mirrors: Vec<String> = Vec::new();
    /// Seconds for which a fetched file counts as fresh. After that the server is asked whether it
    /// has changed.
    "tarball-ttl" tarball_ttl: u32 = 3600;
    /// Whether an archive of a Git forge counts as locked by its revision alone, without a hash.
    "trust-tarballs-from-git-forges" trust_tarballs_from_git_forges: bool = true;
    /// Whether names of flakes are looked up in registries.
    "use-registries" use_registries: bool = true, feature Flakes;
    /// Whether the use of a working tree with uncommitted changes is mentioned.
    "warn-dirty" warn_dirty: bool = true;
}
