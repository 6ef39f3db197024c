//! A store whose directory is an overlay of its own over that of another store.
//!
//! The lower store is not written; its objects count as valid here. The database is the upper store's
//! alone: what is used of the lower store is entered there when it is used first, closure and all, so
//! that the rule that references are valid holds in it. Objects are deleted in the upper layer only,
//! and one that the lower store has as well is deleted there directly: deleting it by way of the
//! overlay would hide the lower one. The kernel learns of that when the overlay is mounted anew, which
//! is what the remount hook is for.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use firn_events::Level;
use firn_store_model::{StorePath, ValidPathInfo};
use firn_sys::file::remove_tree;

use super::LocalStore;
use super::db::Registration;
use crate::error::{StoreError, path_error};
use crate::store::Store;
use crate::types::{OptimiseStats, StorePathSet};

/// The store below an overlay, and how the overlay is made.
#[derive(Clone)]
pub struct OverlayOptions {
    /// `lower-store`: the store below.
    pub lower: Arc<dyn Store>,
    /// Where its store directory lies on this machine.
    pub lower_dir: PathBuf,
    /// `upper-layer`: the directory that the overlay writes to.
    pub upper_dir: PathBuf,
    /// `check-mount`: whether the overlay must be found mounted as it is said to be.
    pub check_mount: bool,
    /// `remount-hook`: a program that mounts the overlay anew; it is given the store directory.
    pub remount_hook: Option<PathBuf>,
}

/// What a store that is an overlay has to remember.
pub(super) struct Overlay {
    pub(super) options: OverlayOptions,
    needs_remount: AtomicBool,
}

impl Overlay {
    /// The overlay of a store directory, once it is known to be mounted as it should be.
    pub(super) fn new(options: OverlayOptions, store_dir: &Path) -> Result<Overlay, StoreError> {
        if options.check_mount {
            let mounts = Path::new("/proc/self/mounts");
            let text = std::fs::read(mounts).map_err(path_error("reading", mounts))?;
            if !is_mounted(&text, store_dir, &options.lower_dir, &options.upper_dir) {
                return Err(StoreError::other(format!(
                    "overlay filesystem \"{}\" mounted incorrectly",
                    store_dir.display()
                )));
            }
        }
        Ok(Overlay {
            options,
            needs_remount: AtomicBool::new(false),
        })
    }

    fn upper_path(&self, name: &[u8]) -> PathBuf {
        let name = std::ffi::OsStr::from_bytes(name);
        self.options.upper_dir.join(name)
    }
}

/// Whether the list of mounts has, as the last one at `at`, an overlay of these layers.
fn is_mounted(mounts: &[u8], at: &Path, lower: &Path, upper: &Path) -> bool {
    let lines = mounts.split(|byte| *byte == b'\n');
    let mounted = lines
        .map(|line| line.split(|byte| *byte == b' ').collect::<Vec<_>>())
        .rfind(|fields| fields.len() > 3 && unescape(fields[1]) == at.as_os_str().as_bytes());
    let Some(fields) = mounted.filter(|fields| fields[2] == b"overlay") else {
        return false;
    };
    let has = |name: &[u8], directory: &Path| {
        let mut options = fields[3].split(|byte| *byte == b',');
        options.any(|option| {
            let value = option.strip_prefix(name).map(unescape);
            value.is_some_and(|value| value == directory.as_os_str().as_bytes())
        })
    };
    has(b"lowerdir=", lower) && has(b"upperdir=", upper)
}

/// Text of the list of mounts: blanks and the like are a backslash and three octal digits.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'\\').then(|| after.first_chunk::<3>()).flatten();
        let code = code.and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 8).ok()
        });
        plain.push(code.unwrap_or(first));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    plain
}

impl LocalStore {
    /// Whether a path is valid. One that the lower store has is entered here first.
    pub(super) fn has(&self, path: &StorePath) -> Result<bool, StoreError> {
        Ok(self.db.is_valid(path)? || self.adopt(path)?)
    }

    /// Those of some paths that are valid.
    pub(super) fn valid_among<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a StorePath>,
    ) -> Result<StorePathSet, StoreError> {
        if self.overlay.is_none() {
            return self.db.valid_among(paths);
        }
        let mut valid = StorePathSet::new();
        for path in paths {
            if self.has(path)? {
                valid.insert(path.clone());
            }
        }
        Ok(valid)
    }

    /// The lower store, if there is one.
    pub(super) fn lower(&self) -> Option<&dyn Store> {
        Some(&*self.overlay.as_ref()?.options.lower)
    }

    /// Enters a path of the lower store here, with everything it refers to. False if it is not there.
    fn adopt(&self, path: &StorePath) -> Result<bool, StoreError> {
        let Some(lower) = self.lower() else {
            return Ok(false);
        };
        let Some(info) = lower.query_path_info(path)? else {
            return Ok(false);
        };
        // References first; what is entered here has its references here.
        let mut pending = vec![(info, false)];
        let mut seen = BTreeSet::new();
        while let Some((info, references_done)) = pending.pop() {
            if references_done {
                self.enter(&info)?;
                continue;
            }
            if !seen.insert(info.path.clone()) {
                continue;
            }
            pending.push((Arc::clone(&info), true));
            for reference in &info.references {
                if !seen.contains(reference) && !self.db.is_valid(reference)? {
                    pending.push((crate::closure::path_info(lower, reference)?, false));
                }
            }
        }
        Ok(true)
    }

    fn enter(&self, info: &ValidPathInfo) -> Result<(), StoreError> {
        let outputs = self.outputs_to_register(&info.path)?;
        let info = info.clone();
        self.db.register(&[Registration { info, outputs }])
    }

    /// Enters what is about to be registered, and what that refers to, as the lower store has it.
    pub(super) fn adopt_for(&self, registrations: &[Registration]) -> Result<(), StoreError> {
        if self.overlay.is_none() {
            return Ok(());
        }
        for registration in registrations {
            let info = &registration.info;
            for path in std::iter::once(&info.path).chain(&info.references) {
                self.has(path)?;
            }
        }
        Ok(())
    }

    /// Deletes a name in the store directory; gives the bytes freed.
    pub(super) fn remove_object(&self, name: &[u8]) -> Result<u64, StoreError> {
        let real_path = self
            .location
            .physical_dir
            .join(std::ffi::OsStr::from_bytes(name));
        let Some(overlay) = &self.overlay else {
            return remove_tree(&real_path).map_err(path_error("deleting", &real_path));
        };
        let upper_path = overlay.upper_path(name);
        if upper_path.symlink_metadata().is_err() {
            // It is the lower store's, or gone.
            return Ok(0);
        }
        let path = StorePath::parse(name).ok();
        let is_below = path.map_or(Ok(false), |path| overlay.options.lower.is_valid_path(&path))?;
        if !is_below {
            return remove_tree(&real_path).map_err(path_error("deleting", &real_path));
        }
        overlay.needs_remount.store(true, Ordering::Release);
        remove_tree(&upper_path).map_err(path_error("deleting", &upper_path))
    }

    /// The names in the store directory that are this store's own.
    pub(super) fn own_names(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        use std::os::unix::fs::FileTypeExt as _;
        let physical_dir = &self.location.physical_dir;
        let directory = self
            .overlay
            .as_ref()
            .map_or(physical_dir, |overlay| &overlay.options.upper_dir);
        let failed = || path_error("reading", directory);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            // That is how an overlay notes that something below is hidden.
            let is_whiteout =
                self.overlay.is_some() && entry.file_type().is_ok_and(|kind| kind.is_char_device());
            if !is_whiteout {
                names.push(entry.file_name().into_vec());
            }
        }
        Ok(names)
    }

    /// Has the overlay mounted anew where something was deleted behind its back.
    pub(super) fn remount_if_needed(&self) -> Result<(), StoreError> {
        let Some(overlay) = &self.overlay else {
            return Ok(());
        };
        if !overlay.needs_remount.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let directory = &self.location.physical_dir;
        let Some(hook) = &overlay.options.remount_hook else {
            let text = format!(
                "warning: \"{}\" needs remounting, set remount-hook to do this automatically",
                directory.display()
            );
            self.events().message(Level::Warn, &text);
            return Ok(());
        };
        let failed = |error: io::Error| path_error("running", hook)(error);
        let output = Command::new(hook)
            .arg(directory)
            .stdin(Stdio::null())
            .output()
            .map_err(failed)?;
        if !output.status.success() {
            return Err(StoreError::other(format!(
                "program '{}' {}: {}",
                hook.display(),
                output.status,
                String::from_utf8_lossy(&output.stderr).trim_end()
            )));
        }
        Ok(())
    }

    /// Deletes from the upper layer what the lower store has as well.
    pub(super) fn optimise_overlay(&self) -> Result<OptimiseStats, StoreError> {
        self.require_writable("optimising")?;
        let mut stats = OptimiseStats::default();
        for path in self.db.all_valid()? {
            let is_below = self.lower().map(|lower| lower.is_valid_path(&path));
            if is_below.transpose()? == Some(true) {
                let freed = self.remove_object(path.as_str().as_bytes())?;
                stats.n_linked += u64::from(freed > 0);
                stats.bytes_freed += freed;
            }
        }
        self.remount_if_needed()?;
        Ok(stats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mount_counts() {
        let mounts = b"overlay /s overlay rw,lowerdir=/a,upperdir=/b,workdir=/w 0 0\n\
            tmpfs /t tmpfs rw 0 0\n\
            overlay /x\\040y overlay rw,lowerdir=/l\\040m,upperdir=/u,workdir=/w 0 0\n\
            tmpfs /z tmpfs rw 0 0\noverlay /z overlay rw,lowerdir=/a,upperdir=/b 0 0\n\
            overlay /q overlay rw,lowerdir=/a,upperdir=/b 0 0\ntmpfs /q tmpfs rw 0 0\n";
        let check = |at: &str, lower: &str, upper: &str| {
            is_mounted(mounts, Path::new(at), Path::new(lower), Path::new(upper))
        };
        assert!(check("/s", "/a", "/b"));
        assert!(check("/x y", "/l m", "/u"));
        assert!(check("/z", "/a", "/b"));
        assert!(!check("/s", "/a", "/other"));
        assert!(!check("/s", "/", "/b"));
        assert!(
            !check("/q", "/a", "/b"),
            "something else was mounted over it"
        );
        assert!(!check("/nowhere", "/a", "/b"));
    }
}
