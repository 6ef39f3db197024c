//! Fetched trees and how messages name them.
//!
//! A fetched tree is read in the store, but whoever wrote the expression knows it by the address or
//! the working tree that it came from. In a working tree only what Git tracks counts, which is the
//! first thing to say when a file seems to be missing.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

use firn_eval::HostError;
use firn_fetch::Fetched;
use firn_source::{CanonicalPath, RootId, SourcePath};

use crate::files::Files;

/// A tree.
struct Mount {
    display: Option<String>,
    working_tree: Option<PathBuf>,
}

/// Trees by their store paths.
#[derive(Default)]
pub(crate) struct Mounts(RwLock<BTreeMap<Vec<u8>, Mount>>);

impl Mounts {
    pub(crate) fn add(&self, store_path: Vec<u8>, fetched: &Fetched) {
        let mount = Mount {
            display: fetched.display.clone(),
            working_tree: fetched.working_tree.clone(),
        };
        let mut mounts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        mounts.insert(store_path, mount);
    }

    /// Runs `work` on the tree that a path is in, and the rest of the path.
    fn find<T>(
        &self,
        path: &CanonicalPath,
        work: impl FnOnce(&Mount, &[u8]) -> Option<T>,
    ) -> Option<T> {
        let mounts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if mounts.is_empty() {
            return None;
        }
        let bytes = path.as_bytes();
        let slashes = bytes
            .iter()
            .enumerate()
            .filter(|it| *it.1 == b'/')
            .map(|it| it.0);
        let mut ends = slashes.skip(1).chain([bytes.len()]);
        let (end, mount) = ends.find_map(|end| Some((end, mounts.get(&bytes[..end])?)))?;
        work(mount, &bytes[end..])
    }

    /// How a path is shown, if its tree has a name of its own.
    pub(crate) fn display(&self, path: &CanonicalPath) -> Option<Vec<u8>> {
        self.find(path, |mount, rest| {
            let display = mount.display.as_ref()?;
            Some([display.as_bytes(), rest].concat())
        })
    }

    /// The file of the working tree that a path was taken from.
    pub(crate) fn in_working_tree(&self, path: &CanonicalPath) -> Option<PathBuf> {
        self.find(path, |mount, rest| {
            let rest = std::ffi::OsStr::from_bytes(rest.strip_prefix(b"/").unwrap_or(rest));
            Some(mount.working_tree.as_ref()?.join(rest))
        })
    }

    /// Why a file is missing, where that is known better.
    pub(crate) fn explain(&self, files: &Files, path: &SourcePath, error: HostError) -> HostError {
        if path.root != RootId::HOST || !matches!(files.file_type(path), Ok(None)) {
            return error;
        }
        let better = self.find(&path.path, |mount, rest| {
            let rest = rest.strip_prefix(b"/")?;
            let shown = String::from_utf8_lossy(rest).into_owned();
            let Some(tree) = &mount.working_tree else {
                let display = mount.display.as_ref()?;
                return Some(format!("'{display}/{shown}' does not exist"));
            };
            let repo = tree.display();
            if std::fs::symlink_metadata(tree.join(std::ffi::OsStr::from_bytes(rest))).is_err() {
                return Some(format!("Path '{shown}' does not exist in Git repository \"{repo}\"."));
            }
            Some(format!(
                "Path '{shown}' in the repository \"{repo}\" is not tracked by Git.\n\nTo make it visible to Nix, run:\n\ngit -C \"{repo}\" add \"{shown}\""
            ))
        });
        match better {
            Some(message) => HostError { message, ..error },
            None => error,
        }
    }
}
