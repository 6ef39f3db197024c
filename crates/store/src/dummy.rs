//! A store without contents: nothing is valid and nothing can be added. Evaluation that only wants
//! names of store paths works over it (`dummy://`).

use std::io::{Read, Write};
use std::sync::Arc;

use firn_store_model::{DerivedPath, StoreDir, StorePath, ValidPathInfo};

use crate::error::StoreError;
use crate::store::Store;
use crate::types::{BuildMode, BuildResult, MissingPaths, NarOptions};

/// The store without contents.
#[derive(Clone, Debug)]
pub struct DummyStore {
    store_dir: StoreDir,
}

impl DummyStore {
    /// A store whose paths would begin with `store_dir`.
    pub fn new(store_dir: StoreDir) -> Self {
        Self { store_dir }
    }

    fn absent(&self, path: &StorePath) -> StoreError {
        StoreError::InvalidPath {
            path: self.store_dir.print(path),
        }
    }
}

impl Store for DummyStore {
    fn url(&self) -> String {
        "dummy://".to_owned()
    }

    fn store_dir(&self) -> &StoreDir {
        &self.store_dir
    }

    fn query_path_info(&self, _: &StorePath) -> Result<Option<Arc<ValidPathInfo>>, StoreError> {
        Ok(None)
    }

    fn query_path_from_hash_part(&self, _: &str) -> Result<Option<StorePath>, StoreError> {
        Ok(None)
    }

    fn nar_from_path(&self, path: &StorePath, _: &mut dyn Write) -> Result<(), StoreError> {
        Err(self.absent(path))
    }

    fn add_nar(
        &self,
        _: &ValidPathInfo,
        _: &mut dyn Read,
        _: NarOptions,
    ) -> Result<(), StoreError> {
        Err(self.unsupported("adding a path"))
    }

    fn query_missing(&self, paths: &[DerivedPath]) -> Result<MissingPaths, StoreError> {
        Ok(MissingPaths {
            unknown: paths.iter().map(|it| it.base_path().clone()).collect(),
            ..MissingPaths::default()
        })
    }

    fn build_paths(&self, _: &[DerivedPath], _: BuildMode) -> Result<(), StoreError> {
        Err(self.unsupported("building"))
    }

    fn build_paths_with_results(
        &self,
        _: &[DerivedPath],
        _: BuildMode,
    ) -> Result<Vec<BuildResult>, StoreError> {
        Err(self.unsupported("building"))
    }

    fn ensure_path(&self, path: &StorePath) -> Result<(), StoreError> {
        Err(self.absent(path))
    }

    fn as_dyn(&self) -> &dyn Store {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_valid() {
        let store_dir = StoreDir::new("/x/store").expect("a store directory");
        let path = store_dir
            .parse("/x/store/00000000000000000000000000000000-a")
            .expect("a store path");
        let store = DummyStore::new(store_dir);
        assert!(store.query_path_info(&path).is_ok_and(|it| it.is_none()));
        assert!(store.ensure_path(&path).is_err());
        let missing = store.query_missing(&[DerivedPath::Opaque(path.clone())]);
        assert!(missing.is_ok_and(|it| it.unknown.contains(&path)));
    }
}
