//! Canonical metadata for a tree that already lies on disk: what a builder left, or what was
//! unpacked by something that is not ours.
//!
//! Files become 0444 or 0555, times 1, owner the calling user; extended attributes and access
//! control lists go. A file that belongs to someone other than the allowed builder user is
//! refused (a builder may hard-link foreign files into its output), unless it is a second name
//! of a file that was already taken over in the same pass.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use firn_sys::file::{effective_ids, remove_extended_attributes, set_mode, set_mtime, set_owner};

use super::place::STORE_MTIME;
use crate::error::{StoreError, path_error};

/// How [`canonicalise`] treats a tree.
#[derive(Clone, Debug, Default)]
pub struct Canonical {
    /// Users (an inclusive range) whose files are accepted; `None` accepts everyone's.
    pub owners: Option<(u32, u32)>,
    /// Extended attributes that stay, because they cannot be removed.
    pub ignored_attributes: Vec<Vec<u8>>,
    /// Files (device, inode) that earlier calls took over.
    pub seen: HashSet<(u64, u64)>,
}

/// Gives a tree its canonical metadata.
pub fn canonicalise(root: &Path, canonical: &mut Canonical) -> Result<(), StoreError> {
    let mut pending: Vec<PathBuf> = vec![root.to_owned()];
    let (uid, gid) = effective_ids();
    while let Some(path) = pending.pop() {
        let metadata =
            std::fs::symlink_metadata(&path).map_err(path_error("getting status of", &path))?;
        let kind = metadata.file_type();
        if !(kind.is_file() || kind.is_dir() || kind.is_symlink()) {
            return Err(StoreError::UnsupportedFile {
                path: path.to_string_lossy().into_owned(),
            });
        }
        remove_extended_attributes(&path, &canonical.ignored_attributes)
            .map_err(path_error("removing extended attributes of", &path))?;
        let inode = (metadata.dev(), metadata.ino());
        let foreign = canonical
            .owners
            .is_some_and(|(first, last)| !(first..=last).contains(&metadata.uid()));
        if foreign {
            if kind.is_dir() || !canonical.seen.contains(&inode) {
                return Err(StoreError::InvalidOwnership {
                    path: path.to_string_lossy().into_owned(),
                });
            }
            continue;
        }
        canonical.seen.insert(inode);
        if !kind.is_symlink() {
            let mode = metadata.mode() & 0o7777;
            let wanted = if kind.is_dir() || metadata.mode() & 0o100 != 0 {
                0o555
            } else {
                0o444
            };
            if mode != wanted {
                set_mode(&path, wanted).map_err(path_error("changing mode of", &path))?;
            }
        }
        if kind.is_dir() {
            for entry in std::fs::read_dir(&path).map_err(path_error("reading", &path))? {
                pending.push(entry.map_err(path_error("reading", &path))?.path());
            }
        }
        if metadata.mtime() != STORE_MTIME || metadata.mtime_nsec() != 0 {
            set_mtime(&path, STORE_MTIME).map_err(path_error("changing time of", &path))?;
        }
        if metadata.uid() != uid {
            set_owner(&path, uid, gid).map_err(path_error("changing owner of", &path))?;
        }
    }
    Ok(())
}
