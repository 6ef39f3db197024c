//! A store in memory (`dummy://`). As it is opened by default it is empty and nothing can be added:
//! evaluation that only wants names of store paths works over it. With `read-only=false` it takes
//! objects and keeps their archives until it is dropped.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firn_hash::Hasher;
use firn_store_model::{DerivedPath, StoreDir, StorePath, ValidPathInfo};

use crate::error::StoreError;
use crate::store::Store;
use crate::tree::{Filter, SourceTree};
use crate::types::{
    AddOptions, BuildMode, BuildResult, DumpFormat, MissingPaths, NarOptions, StorePathSet,
};

/// A store in memory.
pub struct DummyStore {
    store_dir: StoreDir,
    is_read_only: bool,
    objects: Mutex<BTreeMap<StorePath, Object>>,
}

/// What is kept of an object.
#[derive(Clone)]
struct Object {
    info: Arc<ValidPathInfo>,
    nar: Arc<[u8]>,
}

impl DummyStore {
    /// An empty store whose paths begin with `store_dir`.
    pub fn new(store_dir: StoreDir, is_read_only: bool) -> Self {
        Self {
            store_dir,
            is_read_only,
            objects: Mutex::default(),
        }
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<StorePath, Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn query_path_info(&self, path: &StorePath) -> Result<Option<Arc<ValidPathInfo>>, StoreError> {
        Ok(self.objects().get(path).map(|it| Arc::clone(&it.info)))
    }

    fn query_all_valid_paths(&self) -> Result<StorePathSet, StoreError> {
        Ok(self.objects().keys().cloned().collect())
    }

    fn query_path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>, StoreError> {
        let objects = self.objects();
        let found = objects.keys().find(|path| path.hash_part() == hash_part);
        Ok(found.cloned())
    }

    fn nar_from_path(&self, path: &StorePath, sink: &mut dyn Write) -> Result<(), StoreError> {
        let nar = self.objects().get(path).map(|it| Arc::clone(&it.nar));
        let nar = nar.ok_or_else(|| self.absent(path))?;
        sink.write_all(&nar)
            .map_err(|error| StoreError::other(format!("writing a Nix archive: {error}")))
    }

    fn add_tree(
        &self,
        name: &str,
        tree: &dyn SourceTree,
        filter: Option<Filter<'_>>,
        options: &AddOptions,
    ) -> Result<StorePath, StoreError> {
        crate::describe::add_tree(self, name, tree, filter, options)
    }

    fn add_dump(
        &self,
        name: &str,
        source: &mut dyn Read,
        format: DumpFormat,
        options: &AddOptions,
    ) -> Result<StorePath, StoreError> {
        crate::describe::add_dump(self, name, source, format, options)
    }

    fn add_nar(
        &self,
        info: &ValidPathInfo,
        source: &mut dyn Read,
        options: NarOptions,
    ) -> Result<(), StoreError> {
        if self.is_read_only {
            return Err(self.unsupported("adding a path"));
        }
        let mut nar = Vec::new();
        crate::export::copy_archive(source, &mut nar)?;
        let found = Hasher::hash(info.nar_hash.algorithm(), &nar);
        if found != info.nar_hash {
            return Err(StoreError::other(format!(
                "hash mismatch importing path '{}'",
                self.store_dir.print(&info.path)
            )));
        }
        let mut objects = self.objects();
        let missing = info
            .references
            .iter()
            .find(|path| **path != info.path && !objects.contains_key(path));
        if let Some(missing) = missing {
            return Err(self.absent(missing));
        }
        if options.repair || !objects.contains_key(&info.path) {
            let object = Object {
                info: Arc::new(info.clone()),
                nar: nar.into(),
            };
            objects.insert(info.path.clone(), object);
        }
        Ok(())
    }

    fn query_missing(&self, paths: &[DerivedPath]) -> Result<MissingPaths, StoreError> {
        crate::missing::query_missing(self, None, paths)
    }

    fn build_paths(&self, paths: &[DerivedPath], mode: BuildMode) -> Result<(), StoreError> {
        crate::missing::require_all(self, paths, mode)
    }

    fn build_paths_with_results(
        &self,
        paths: &[DerivedPath],
        mode: BuildMode,
    ) -> Result<Vec<BuildResult>, StoreError> {
        crate::missing::results_of_valid(self, paths, mode)
    }

    fn ensure_path(&self, path: &StorePath) -> Result<(), StoreError> {
        if self.is_valid_path(path)? {
            return Ok(());
        }
        Err(self.absent(path))
    }

    fn as_dyn(&self) -> &dyn Store {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(is_read_only: bool) -> DummyStore {
        let store_dir = StoreDir::new("/x/store").expect("a store directory");
        DummyStore::new(store_dir, is_read_only)
    }

    #[test]
    fn nothing_is_valid_and_nothing_is_added() {
        let store = store(true);
        let path = store
            .store_dir()
            .parse("/x/store/00000000000000000000000000000000-a")
            .expect("a store path");
        assert!(store.query_path_info(&path).is_ok_and(|it| it.is_none()));
        assert!(store.ensure_path(&path).is_err());
        let missing = store.query_missing(&[DerivedPath::Opaque(path.clone())]);
        assert!(missing.is_ok_and(|it| it.unknown.contains(&path)));
        assert!(store.add_text("a", b"a", &StorePathSet::new()).is_err());
    }

    #[test]
    fn a_writable_one_keeps_archives() {
        let store = store(false);
        let none = StorePathSet::new();
        let path = store.add_text("a", b"contents", &none).expect("added");
        let referrer = store
            .add_text("b", b"more", &StorePathSet::from([path.clone()]))
            .expect("added");
        let mut nar = Vec::new();
        store.nar_from_path(&path, &mut nar).expect("it is there");
        assert_eq!(crate::derivation::single_file(&nar), Some(&b"contents"[..]));
        let all = store.query_all_valid_paths().expect("listed");
        assert_eq!(all, StorePathSet::from([path, referrer]));
    }
}
