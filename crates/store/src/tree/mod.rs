//! File trees as the store takes them in: where they come from, what is in them, and how they
//! become archive bytes.
//!
//! A [`SourceTree`] is anything that can be listed and read: a local directory, a commit, an
//! archive. [`Listing`] is one walk over it, in the order of the archive format (names sorted by
//! bytes), after an optional filter. [`stream()`] turns a listing into archive bytes, reading many
//! files at once while the bytes reach their consumer strictly in order, and can place a copy of
//! the tree on disk in the same pass. Hashing, reference scanning, dumping and adding are all
//! consumers of that one stream.
//!
//! What must hold: only regular files, directories and symbolic links pass; a path is never
//! resolved through a link inside the tree; nothing depends on the order in which a directory
//! happens to be read.

mod canonical;
mod case_hack;
mod git;
mod listing;
mod place;
mod stream;
mod unpack;

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

pub use canonical::{Canonical, canonicalise};
pub use case_hack::CaseHackedTree;
pub use git::git_hash;
pub use listing::{Filter, Listing, Node};
pub use place::Placement;
pub use stream::{Consumer, stream};
pub(crate) use unpack::unpack_stored;
pub use unpack::{restore, restore_with_case_hack, unpack};

/// What a name in a directory can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// An ordinary file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, socket or pipe, which no store holds; a filter may leave it out.
    Special,
}

impl From<std::fs::FileType> for FileKind {
    fn from(kind: std::fs::FileType) -> Self {
        if kind.is_file() {
            Self::Regular
        } else if kind.is_dir() {
            Self::Directory
        } else if kind.is_symlink() {
            Self::Symlink
        } else {
            Self::Special
        }
    }
}

/// An ordinary file, open for reading from its start.
pub struct OpenFile<'a> {
    /// Its contents.
    pub reader: Box<dyn Read + Send + 'a>,
    /// How many bytes `reader` gives.
    pub size: u64,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// A tree of files that can be read from several threads. Paths are relative to its root,
/// separated by `/`; the empty path is the root itself.
pub trait SourceTree: Sync {
    /// What the path is, without following a link there.
    fn kind(&self, path: &[u8]) -> io::Result<FileKind>;

    /// Names and kinds in a directory, in any order.
    fn read_dir(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, FileKind)>>;

    /// The target of a symbolic link.
    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>>;

    /// Opens an ordinary file.
    fn open(&self, path: &[u8]) -> io::Result<OpenFile<'_>>;

    /// How messages name a path of this tree.
    fn display(&self, path: &[u8]) -> String;
}

/// A tree on the local file system.
#[derive(Clone, Debug)]
pub struct LocalTree {
    root: PathBuf,
}

impl LocalTree {
    /// The tree at a path: a directory, a file or a link.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, path: &[u8]) -> PathBuf {
        if path.is_empty() {
            return self.root.clone();
        }
        let mut full = Vec::with_capacity(self.root.as_os_str().len() + path.len() + 1);
        full.extend_from_slice(self.root.as_os_str().as_bytes());
        full.push(b'/');
        full.extend_from_slice(path);
        PathBuf::from(std::ffi::OsString::from_vec(full))
    }
}

impl SourceTree for LocalTree {
    fn kind(&self, path: &[u8]) -> io::Result<FileKind> {
        Ok(std::fs::symlink_metadata(self.path(path))?
            .file_type()
            .into())
    }

    fn read_dir(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, FileKind)>> {
        std::fs::read_dir(self.path(path))?
            .map(|entry| {
                let entry = entry?;
                Ok((entry.file_name().into_vec(), entry.file_type()?.into()))
            })
            .collect()
    }

    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        Ok(std::fs::read_link(self.path(path))?
            .into_os_string()
            .into_vec())
    }

    fn open(&self, path: &[u8]) -> io::Result<OpenFile<'_>> {
        let file = open_no_follow(&self.path(path))?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(OpenFile {
            size: metadata.len(),
            executable: metadata.mode() & 0o100 != 0,
            reader: Box::new(file),
        })
    }

    fn display(&self, path: &[u8]) -> String {
        self.path(path).to_string_lossy().into_owned()
    }
}

/// A single file, not executable, whose contents are in memory.
pub struct MemoryFile<'a> {
    /// The contents.
    pub contents: &'a [u8],
    /// How messages name it.
    pub name: &'a str,
}

impl SourceTree for MemoryFile<'_> {
    fn kind(&self, _path: &[u8]) -> io::Result<FileKind> {
        Ok(FileKind::Regular)
    }

    fn read_dir(&self, _path: &[u8]) -> io::Result<Vec<(Vec<u8>, FileKind)>> {
        Err(io::ErrorKind::NotADirectory.into())
    }

    fn read_link(&self, _path: &[u8]) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::InvalidInput.into())
    }

    fn open(&self, _path: &[u8]) -> io::Result<OpenFile<'_>> {
        Ok(OpenFile {
            reader: Box::new(self.contents),
            size: self.contents.len() as u64,
            executable: false,
        })
    }

    fn display(&self, _path: &[u8]) -> String {
        self.name.to_owned()
    }
}

/// A tree that is a single file, seen as one that nobody may execute: what is left of a file
/// when only its contents count.
pub(crate) struct ContentsOnly<'a>(pub(crate) &'a dyn SourceTree);

impl SourceTree for ContentsOnly<'_> {
    fn kind(&self, path: &[u8]) -> io::Result<FileKind> {
        self.0.kind(path)
    }

    fn read_dir(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, FileKind)>> {
        self.0.read_dir(path)
    }

    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        self.0.read_link(path)
    }

    fn open(&self, path: &[u8]) -> io::Result<OpenFile<'_>> {
        Ok(OpenFile {
            executable: false,
            ..self.0.open(path)?
        })
    }

    fn display(&self, path: &[u8]) -> String {
        self.0.display(path)
    }
}

fn open_no_follow(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(firn_sys::file::NO_FOLLOW)
        .open(path)
}
