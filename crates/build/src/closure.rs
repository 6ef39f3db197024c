//! Closures of valid paths, with the references of each path remembered.
//!
//! A path's references never change while it is valid, and builds of one request share most of
//! their inputs, so the memory of one scheduler run answers nearly every question.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use firn_store::{Store, StoreError};
use firn_store_model::{StorePath, ValidPathInfo};

/// Infos of valid paths, remembered.
#[derive(Default)]
pub(crate) struct Closures {
    infos: HashMap<StorePath, Arc<ValidPathInfo>>,
}

impl Closures {
    /// What the store knows of a valid path.
    pub(crate) fn info(
        &mut self,
        store: &dyn Store,
        path: &StorePath,
    ) -> Result<Arc<ValidPathInfo>, StoreError> {
        if let Some(info) = self.infos.get(path) {
            return Ok(Arc::clone(info));
        }
        let info = store
            .query_path_info(path)?
            .ok_or_else(|| StoreError::InvalidPath {
                path: store.store_dir().print(path),
            })?;
        self.infos.insert(path.clone(), Arc::clone(&info));
        Ok(info)
    }

    /// Adds a path and everything it refers to, directly or not.
    pub(crate) fn add(
        &mut self,
        store: &dyn Store,
        path: &StorePath,
        closure: &mut BTreeSet<StorePath>,
    ) -> Result<(), StoreError> {
        let mut waiting = vec![path.clone()];
        while let Some(path) = waiting.pop() {
            if closure.contains(&path) {
                continue;
            }
            let info = self.info(store, &path)?;
            waiting.extend(
                info.references
                    .iter()
                    .filter(|reference| !closure.contains(*reference))
                    .cloned(),
            );
            closure.insert(path);
        }
        Ok(())
    }

    /// Forgets everything, as paths may be collected once nobody holds them.
    pub(crate) fn clear(&mut self) {
        self.infos = HashMap::new();
    }
}
