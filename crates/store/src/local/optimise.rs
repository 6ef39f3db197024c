//! Hard-linking equal files.
//!
//! The directory `.links` in the store holds one name for each distinct file, which is the hash of
//! the file's archive (so the executable bit counts). A file in a path becomes a link to that
//! name: a new link is made beside the store's paths and renamed over the file, so the file is
//! there at every instant. A name in `.links` that nothing else shares is garbage.

use std::collections::HashSet;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use firn_events::{ActivityGuard, ActivityKind, Level, Progress};
use firn_hash::Algorithm;
use firn_sys::file::{set_mode, set_mtime, sibling_name};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use super::LocalStore;
use crate::error::{StoreError, path_error};
use crate::fault;
use crate::hash_tree::nar_hash;
use crate::store::Store as _;
use crate::tree::{Listing, LocalTree};
use crate::types::OptimiseStats;

/// Files that are links already, by inode.
type Linked = HashSet<u64>;

impl LocalStore {
    pub(super) fn optimise_all(&self) -> Result<OptimiseStats, StoreError> {
        self.require_writable("optimising")?;
        let events = self.events();
        let activity =
            ActivityGuard::start(events, None, Level::Info, "", ActivityKind::OptimiseStore);
        let paths = self.db.all_valid()?;
        let mut linked = self.linked_inodes()?;
        let mut stats = OptimiseStats::default();
        let mut progress = Progress {
            expected: paths.len() as u64,
            ..Progress::default()
        };
        activity.progress(progress);
        for path in &paths {
            self.add_temp_roots(std::slice::from_ref(path))?;
            if self.db.is_valid(path)? {
                let real_path = self.location.physical_path(path);
                self.optimise_tree(&real_path, &mut linked, &mut stats, false)?;
            }
            progress.done += 1;
            activity.progress(progress);
        }
        Ok(stats)
    }

    /// Links the files of one path that is about to be registered.
    pub(super) fn optimise_path(&self, real_path: &Path, repair: bool) -> Result<(), StoreError> {
        let mut stats = OptimiseStats::default();
        self.optimise_tree(real_path, &mut Linked::new(), &mut stats, repair)
    }

    fn links_dir(&self) -> PathBuf {
        self.location.physical_dir.join(".links")
    }

    fn linked_inodes(&self) -> Result<Linked, StoreError> {
        use std::os::unix::fs::DirEntryExt as _;
        let links = self.links_dir();
        let entries = std::fs::read_dir(&links).map_err(path_error("reading", &links))?;
        entries
            .map(|entry| Ok(entry.map_err(path_error("reading", &links))?.ino()))
            .collect()
    }

    fn optimise_tree(
        &self,
        root: &Path,
        linked: &mut Linked,
        stats: &mut OptimiseStats,
        repair: bool,
    ) -> Result<(), StoreError> {
        let candidates = self.candidates(root, linked)?;
        // Hashing is what costs; linking is done in order by one thread.
        let hashes: Vec<Result<String, StoreError>> =
            candidates.par_iter().map(|path| file_hash(path)).collect();
        let known = Mutex::new(linked);
        for (path, hash) in candidates.iter().zip(hashes) {
            let mut linked = known
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            self.link_file(path, &hash?, &mut linked, stats, repair)?;
        }
        Ok(())
    }

    /// Regular files of a tree that are not linked yet.
    fn candidates(&self, root: &Path, linked: &Linked) -> Result<Vec<PathBuf>, StoreError> {
        let mut found = Vec::new();
        let mut pending = vec![root.to_owned()];
        while let Some(path) = pending.pop() {
            let metadata =
                std::fs::symlink_metadata(&path).map_err(path_error("getting status of", &path))?;
            if metadata.is_dir() {
                for entry in std::fs::read_dir(&path).map_err(path_error("reading", &path))? {
                    pending.push(entry.map_err(path_error("reading", &path))?.path());
                }
                continue;
            }
            if !metadata.is_file() {
                continue;
            }
            if metadata.mode() & 0o200 != 0 {
                // Something is wrong with a writable file; sharing it would spread that.
                let text = format!("skipping suspicious writable file \"{}\"", path.display());
                self.events().message(Level::Warn, &text);
                continue;
            }
            if metadata.nlink() > 1 && linked.contains(&metadata.ino()) {
                continue;
            }
            found.push(path);
        }
        Ok(found)
    }

    fn link_file(
        &self,
        path: &Path,
        hash: &str,
        linked: &mut Linked,
        stats: &mut OptimiseStats,
        repair: bool,
    ) -> Result<(), StoreError> {
        let link = self.links_dir().join(hash);
        let metadata =
            std::fs::symlink_metadata(path).map_err(path_error("getting status of", path))?;
        if let Ok(existing) = std::fs::symlink_metadata(&link) {
            let corrupted =
                existing.len() != metadata.len() || (repair && file_hash(&link)? != hash);
            if corrupted {
                let events = self.events();
                let text = format!("removing corrupted link \"{}\"", link.display());
                events.message(Level::Warn, &text);
                events.message(
                    Level::Warn,
                    "There may be more corrupted paths.\nYou should run `nix-store --verify \
                     --check-contents --repair` to fix them all",
                );
                std::fs::remove_file(&link).map_err(path_error("removing", &link))?;
            }
        }
        fault::point("optimise: link");
        match std::fs::hard_link(path, &link) {
            Ok(()) => {
                linked.insert(metadata.ino());
                return Ok(());
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // A directory can be too full for another name; doing without is harmless.
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                let text = format!(
                    "cannot link \"{}\" to '{}': {error}",
                    link.display(),
                    path.display()
                );
                self.events().message(Level::Info, &text);
                return Ok(());
            }
            Err(error) if is_too_many_links(&error) => return Ok(()),
            Err(error) => return Err(path_error("linking", path)(error)),
        }
        let existing =
            std::fs::symlink_metadata(&link).map_err(path_error("getting status of", &link))?;
        if existing.ino() == metadata.ino() {
            return Ok(());
        }
        let temporary = sibling_name(&self.location.physical_dir.join(".tmp-link"), "-");
        match std::fs::hard_link(&link, &temporary) {
            Ok(()) => {}
            Err(error) if is_too_many_links(&error) => return Ok(()),
            Err(error) => return Err(path_error("linking", &link)(error)),
        }
        linked.insert(existing.ino());
        let replaced = self.replace(&temporary, path);
        if replaced.is_err() {
            drop(std::fs::remove_file(&temporary));
        }
        if replaced? {
            stats.n_linked += 1;
            stats.bytes_freed += metadata.len();
        }
        Ok(())
    }

    /// Renames a link over a file whose directory is read-only; false if the file system does not
    /// allow one more link.
    fn replace(&self, temporary: &Path, path: &Path) -> Result<bool, StoreError> {
        let parent = path
            .parent()
            .filter(|parent| *parent != self.location.physical_dir);
        if let Some(parent) = parent {
            set_mode(parent, 0o755).map_err(path_error("changing mode of", parent))?;
        }
        fault::point("optimise: replace");
        let renamed = std::fs::rename(temporary, path);
        if let Some(parent) = parent {
            set_mode(parent, 0o555).map_err(path_error("changing mode of", parent))?;
            set_mtime(parent, 1).map_err(path_error("changing time of", parent))?;
        }
        match renamed {
            Ok(()) => Ok(true),
            Err(error) if is_too_many_links(&error) => {
                drop(std::fs::remove_file(temporary));
                Ok(false)
            }
            Err(error) => Err(path_error("replacing", path)(error)),
        }
    }
}

/// The name of a file among the links.
pub(super) fn file_hash(path: &Path) -> Result<String, StoreError> {
    let tree = LocalTree::new(path);
    let listing = Listing::walk(&tree, None)?;
    Ok(nar_hash(&tree, &listing, Algorithm::Sha256)?.0.to_nix32())
}

fn is_too_many_links(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TooManyLinks
}
