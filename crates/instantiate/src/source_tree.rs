//! A source that has a store path but need not be in the store yet.
//!
//! A path value names a tree; its store path follows from the tree's hash, which is computed when
//! the path is first turned into a string. Copying waits until something needs the tree there.

use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_eval::FileType;
use firn_store::tree::{FileKind, LocalTree, OpenFile, SourceTree};
use firn_store::types::AddOptions;
use firn_store::{Store, StoreError};
use firn_store_model::StorePath;

use crate::embedded::EmbeddedTree;
use crate::observer::Observer;

/// Where the contents of a source come from.
#[derive(Clone)]
pub enum Source {
    /// A tree on this machine.
    Local {
        /// Where it lies.
        path: PathBuf,
        /// Who is told of what is in it.
        observer: Option<Arc<dyn Observer>>,
    },
    /// Files of the program itself.
    Embedded(EmbeddedTree),
}

impl Source {
    /// Runs `work` on the tree.
    pub fn with_tree<T>(&self, work: impl FnOnce(&dyn SourceTree) -> T) -> T {
        match self {
            Self::Local {
                path,
                observer: None,
            } => work(&LocalTree::new(path)),
            Self::Local {
                path,
                observer: Some(observer),
            } => work(&ObservedTree {
                tree: LocalTree::new(path),
                root: path,
                observer: observer.as_ref(),
            }),
            Self::Embedded(tree) => work(tree),
        }
    }

    /// Copies the source to the store, where it must get the path it was given.
    ///
    /// # Errors
    /// What the store says, or that the source has changed since it was hashed.
    pub fn add(&self, store: &dyn Store, expected: &StorePath) -> Result<(), StoreError> {
        let options = AddOptions::default();
        let name = expected.name();
        let path = self.with_tree(|tree| store.add_tree(name, tree, None, &options))?;
        if path == *expected {
            return Ok(());
        }
        let shown = self.with_tree(|tree| tree.display(&[]));
        let (was, is) = (
            store.store_dir().print(expected),
            store.store_dir().print(&path),
        );
        Err(StoreError::other(format!(
            "path '{shown}' changed during evaluation: it was '{was}' and is now '{is}'"
        )))
    }
}

/// A tree whose observer is told of everything that is looked at.
struct ObservedTree<'a> {
    tree: LocalTree,
    root: &'a Path,
    observer: &'a dyn Observer,
}

impl ObservedTree<'_> {
    fn place(&self, path: &[u8]) -> PathBuf {
        if path.is_empty() {
            return self.root.to_owned();
        }
        self.root.join(std::ffi::OsStr::from_bytes(path))
    }
}

fn file_type(kind: FileKind) -> FileType {
    match kind {
        FileKind::Regular => FileType::Regular,
        FileKind::Directory => FileType::Directory,
        FileKind::Symlink => FileType::Symlink,
        FileKind::Special => FileType::Unknown,
    }
}

impl SourceTree for ObservedTree<'_> {
    fn kind(&self, path: &[u8]) -> io::Result<FileKind> {
        let kind = self.tree.kind(path)?;
        self.observer.saw(&self.place(path), Some(file_type(kind)));
        Ok(kind)
    }

    fn read_dir(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, FileKind)>> {
        let entries = self.tree.read_dir(path)?;
        let mut seen: Vec<_> = entries
            .iter()
            .map(|(name, kind)| (name.clone(), Some(file_type(*kind))))
            .collect();
        seen.sort_by(|a, b| a.0.cmp(&b.0));
        self.observer.listed(&self.place(path), &seen);
        Ok(entries)
    }

    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        let target = self.tree.read_link(path)?;
        self.observer.followed(&self.place(path), &target);
        Ok(target)
    }

    fn open(&self, path: &[u8]) -> io::Result<OpenFile<'_>> {
        let place = self.place(path);
        let wants_contents = self.observer.takes(&place);
        let mut file = self.tree.open(path)?;
        if wants_contents {
            let mut contents = Vec::new();
            file.reader.read_to_end(&mut contents)?;
            self.observer.read(&place, &contents);
            file.size = contents.len() as u64;
            file.reader = Box::new(io::Cursor::new(contents));
        }
        Ok(file)
    }

    fn display(&self, path: &[u8]) -> String {
        self.tree.display(path)
    }
}
