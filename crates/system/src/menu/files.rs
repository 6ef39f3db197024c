//! Files on the loader's file system, which is FAT: no links, no permissions, and a rename that
//! has to be followed by a sync.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use firn_sys::file::{sync_parent, write_file_atomically};

use crate::error::{SystemError, io_error};
use crate::machine::Machine;

/// A name for a file of the store: its path below the store, in one piece.
pub(super) fn flat_name(path: &Path) -> String {
    let text = path.to_string_lossy();
    let below = text.split_once("/store/").map_or(&*text, |it| it.1);
    below.trim_start_matches('/').replace('/', "-")
}

/// Copies a file of the store under a name of its own, unless it is there; gives the name.
pub(super) fn copy_once(
    machine: &Machine,
    source: &Path,
    directory: &Path,
    suffix: &str,
) -> Result<String, SystemError> {
    let name = format!("{}{suffix}", flat_name(source));
    let source = machine.path(source);
    let target = directory.join(&name);
    let size = |path: &Path| std::fs::metadata(path).map(|it| it.len()).ok();
    // A copy gets its name only once it is whole; the size guards against a damaged file system.
    if target.exists() && size(&target) == size(&source) {
        return Ok(name);
    }
    copy(&source, &target)?;
    Ok(name)
}

/// Copies a file so that its name leads to all of it.
pub(super) fn copy(source: &Path, target: &Path) -> Result<(), SystemError> {
    make_directory(target.parent().unwrap_or(target))?;
    let partial = target.with_extension("tmp");
    std::fs::copy(source, &partial).map_err(io_error("copying", source))?;
    let file = File::options().write(true).open(&partial);
    file.and_then(|it| it.sync_all())
        .map_err(io_error("syncing", &partial))?;
    std::fs::rename(&partial, target).map_err(io_error("renaming", &partial))?;
    sync_parent(target).map_err(io_error("syncing", target))
}

/// Writes a file, unless it says that already.
pub(super) fn write(path: &Path, text: &str) -> Result<(), SystemError> {
    if std::fs::read_to_string(path).is_ok_and(|it| it == text) {
        return Ok(());
    }
    make_directory(path.parent().unwrap_or(path))?;
    write_file_atomically(path, text.as_bytes(), 0o644, true).map_err(io_error("writing", path))
}

/// Makes a directory with those above it.
pub(super) fn make_directory(path: &Path) -> Result<(), SystemError> {
    std::fs::create_dir_all(path).map_err(io_error("creating", path))
}

/// Removes files of a directory that are not wanted.
pub(super) fn keep_only(
    directory: &Path,
    wanted: &BTreeSet<String>,
    is_ours: impl Fn(&str) -> bool,
) -> Result<(), SystemError> {
    for name in names(directory) {
        if is_ours(&name) && !wanted.contains(&name) {
            let path: PathBuf = directory.join(&name);
            std::fs::remove_file(&path).map_err(io_error("removing", &path))?;
        }
    }
    Ok(())
}

/// The names in a directory, sorted.
pub(super) fn names(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .filter_map(|it| it.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}
