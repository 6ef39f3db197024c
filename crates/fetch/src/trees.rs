//! Trees that become store objects, and their fingerprints: what is known to have a tree that was added
//! before is not read again.

use firn_events::{ActivityGuard, ActivityKind, Level};
use firn_hash::Hash;
use firn_store::tree::SourceTree;
use firn_store::types::AddOptions;
use firn_store_model::StorePath;

use crate::attrs::{Attr, Attrs};
use crate::input::tree_path;
use crate::{FetchError, Fetcher, Result};

impl Fetcher {
    /// Adds a tree, and gives its hash.
    pub(crate) fn add_tree(&self, name: &str, tree: &dyn SourceTree) -> Result<(StorePath, Hash)> {
        let shown = tree.display(&[]);
        let text = format!("copying '{shown}/' to the store");
        let _activity = ActivityGuard::start(
            &self.options().events,
            None,
            Level::Chatty,
            text,
            ActivityKind::Unknown,
        );
        let path = self
            .store()
            .add_tree(name, tree, None, &AddOptions::default())?;
        let hash = self.hash_of(&path)?;
        Ok((path, hash))
    }

    pub(crate) fn hash_of(&self, path: &StorePath) -> Result<Hash> {
        let info = self.store().query_path_info(path)?;
        let info = info.ok_or_else(|| {
            FetchError::new(format!(
                "path '{}' is not valid",
                self.store().store_dir().print(path)
            ))
        })?;
        Ok(info.info.nar_hash)
    }

    /// The tree with a fingerprint, if it was seen before and is still in the store under `name`.
    pub(crate) fn known_tree(
        &self,
        fingerprint: &str,
        name: &str,
    ) -> Result<Option<(StorePath, Hash)>> {
        let Some(entry) = self.cache().get("sourcePathToHash", &tree_key(fingerprint)) else {
            return Ok(None);
        };
        let Some(Attr::Str(text)) = entry.attrs.get("hash") else {
            return Ok(None);
        };
        let Ok(hash) = Hash::parse_sri(text) else {
            return Ok(None);
        };
        let path = tree_path(self.store().store_dir(), name, hash)?;
        self.store().add_temp_roots(std::slice::from_ref(&path))?;
        Ok(self.store().is_valid_path(&path)?.then_some((path, hash)))
    }

    /// Notes the hash of a tree with a fingerprint.
    pub(crate) fn note_tree(&self, fingerprint: &str, hash: &Hash) {
        let value = Attrs::from([("hash".to_owned(), hash.to_sri().into())]);
        self.cache()
            .put("sourcePathToHash", &tree_key(fingerprint), &value);
    }
}

fn tree_key(fingerprint: &str) -> Attrs {
    Attrs::from([
        ("fingerprint".to_owned(), fingerprint.into()),
        ("method".to_owned(), "nar".into()),
        ("path".to_owned(), "/".into()),
    ])
}
