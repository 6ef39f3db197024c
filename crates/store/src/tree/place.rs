//! Placing a tree on disk in canonical form: files 0444 or 0555, modification time 1, nothing
//! writable, no attributes.
//!
//! Directories are made first, all files then in any order and by any thread, and the directories
//! get their final mode and time last, deepest first. Each file is created with its final mode, so
//! there is no moment when it is both complete and writable by others. The place must not exist;
//! whoever places a tree holds the lock on it.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use firn_sys::file::{NO_FOLLOW, set_file_mtime, set_mode, set_mtime};

use super::{FileKind, Listing, Node};
use crate::error::{StoreError, path_error};
use crate::fault;

/// The modification time of everything in a store.
pub(crate) const STORE_MTIME: i64 = 1;

/// A place where a tree is being written.
#[derive(Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is asked about on its own"
)]
pub struct Placement {
    root: PathBuf,
    /// Modes and times are those of a store, not those of a user's own files.
    canonical: bool,
    /// Files inherit access control lists from the store directory, and lose them again.
    strip_attributes: bool,
    /// The process masks permission bits that files in a store must have.
    mask_interferes: bool,
    /// Every file is synced before it is closed.
    sync: bool,
}

impl Placement {
    /// Prepares to write at `root`, whose parent exists.
    pub fn new(root: impl Into<PathBuf>, sync: bool) -> Self {
        let root = root.into();
        let strip_attributes = root
            .parent()
            .is_some_and(firn_sys::file::has_default_access_list);
        Self {
            root,
            canonical: true,
            strip_attributes,
            mask_interferes: firn_sys::file::umask() & 0o555 != 0,
            sync,
        }
    }

    /// Prepares to write a tree that is no part of a store.
    pub(super) fn for_user(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            canonical: false,
            strip_attributes: false,
            mask_interferes: false,
            sync: false,
        }
    }

    fn path(&self, node: &Node) -> PathBuf {
        if node.path.is_empty() {
            self.root.clone()
        } else {
            self.root.join(std::ffi::OsStr::from_bytes(&node.path))
        }
    }

    pub(super) fn begin(&self, listing: &Listing) -> Result<(), StoreError> {
        for node in directories(listing) {
            let path = self.path(node);
            fault::point("place: create directory");
            std::fs::create_dir(&path).map_err(path_error("creating directory", &path))?;
        }
        Ok(())
    }

    pub(super) fn finish(&self, listing: &Listing) -> Result<(), StoreError> {
        let mut nodes: Vec<&Node> = directories(listing).collect();
        nodes.reverse();
        for node in nodes {
            fault::point("place: finish directory");
            self.finish_directory(&self.path(node))?;
        }
        Ok(())
    }

    /// Gives a directory its final mode and time.
    pub(super) fn finish_directory(&self, path: &Path) -> Result<(), StoreError> {
        if !self.canonical {
            return Ok(());
        }
        self.strip(path)?;
        set_mode(path, 0o555).map_err(path_error("changing mode of", path))?;
        set_mtime(path, STORE_MTIME).map_err(path_error("changing time of", path))?;
        if self.sync {
            let directory = File::open(path).map_err(path_error("opening", path))?;
            directory.sync_all().map_err(path_error("syncing", path))?;
        }
        Ok(())
    }

    pub(super) fn symlink(&self, node: &Node, target: &[u8]) -> Result<(), StoreError> {
        self.symlink_at(&self.path(node), target)
    }

    /// Creates a link of the tree at an absolute path below the root.
    pub(crate) fn symlink_at(&self, path: &Path, target: &[u8]) -> Result<(), StoreError> {
        fault::point("place: create link");
        std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(target), path)
            .map_err(path_error("creating symlink", path))?;
        if self.canonical {
            set_mtime(path, STORE_MTIME).map_err(path_error("changing time of", path))?;
        }
        Ok(())
    }

    pub(super) fn file(
        &self,
        node: &Node,
        executable: bool,
        contents: &[u8],
    ) -> Result<(), StoreError> {
        let mut file = self.create(node, executable)?;
        file.write(contents)?;
        file.finish()
    }

    pub(super) fn create(&self, node: &Node, executable: bool) -> Result<PlacedFile, StoreError> {
        let path = self.path(node);
        self.create_at(path, executable)
    }

    /// Creates an empty file of the tree at an absolute path below the root.
    pub(crate) fn create_at(
        &self,
        path: PathBuf,
        executable: bool,
    ) -> Result<PlacedFile, StoreError> {
        fault::point("place: create file");
        let mode = match (self.canonical, executable) {
            (true, false) => 0o444,
            (true, true) => 0o555,
            (false, false) => 0o666,
            (false, true) => 0o777,
        };
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .custom_flags(NO_FOLLOW)
            .open(&path)
            .map_err(path_error("creating file", &path))?;
        if self.mask_interferes {
            file.set_permissions(std::fs::Permissions::from_mode(mode))
                .map_err(path_error("changing mode of", &path))?;
        }
        self.strip(&path)?;
        Ok(PlacedFile {
            file,
            path,
            canonical: self.canonical,
            sync: self.sync,
        })
    }

    fn strip(&self, path: &Path) -> Result<(), StoreError> {
        if self.strip_attributes {
            firn_sys::file::remove_extended_attributes(path, &[])
                .map_err(path_error("removing extended attributes of", path))?;
        }
        Ok(())
    }
}

fn directories(listing: &Listing) -> impl Iterator<Item = &Node> {
    listing
        .nodes()
        .iter()
        .filter(|node| node.kind == FileKind::Directory)
}

/// A file being written; [`PlacedFile::finish`] gives it its final time.
pub(crate) struct PlacedFile {
    file: File,
    path: PathBuf,
    canonical: bool,
    sync: bool,
}

impl PlacedFile {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file
            .write_all(bytes)
            .map_err(path_error("writing to", &self.path))
    }

    pub(crate) fn finish(self) -> Result<(), StoreError> {
        fault::point("place: finish file");
        if self.canonical {
            set_file_mtime(&self.file, STORE_MTIME)
                .map_err(path_error("changing time of", &self.path))?;
        }
        if self.sync {
            self.file
                .sync_all()
                .map_err(path_error("syncing", &self.path))?;
        }
        Ok(())
    }
}
