//! A source that has a store path but need not be in the store yet.
//!
//! A path value names a tree; its store path follows from the tree's hash, which is computed when
//! the path is first turned into a string. Copying waits until something needs the tree there.

use std::path::PathBuf;

use firn_store::tree::{LocalTree, SourceTree};
use firn_store::types::AddOptions;
use firn_store::{Store, StoreError};
use firn_store_model::StorePath;

use crate::embedded::EmbeddedTree;

/// Where the contents of a source come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A tree on this machine.
    Local(PathBuf),
    /// Files of the program itself.
    Embedded(EmbeddedTree),
}

impl Source {
    /// Runs `work` on the tree.
    pub fn with_tree<T>(&self, work: impl FnOnce(&dyn SourceTree) -> T) -> T {
        match self {
            Self::Local(path) => work(&LocalTree::new(path)),
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
