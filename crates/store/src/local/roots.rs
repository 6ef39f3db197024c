//! Making roots: links that the collector starts from.
//!
//! A root lies in `gcroots` or `profiles` below the state directory. One that a user wants
//! elsewhere (`result`) is *indirect*: `gcroots/auto/<hash of its path>` points to it, and it
//! points into the store. Each link is replaced in one step.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

use firn_hash::{Algorithm, Hasher};
use firn_store_model::StorePath;
use firn_sys::file::{replace_symlink, sync_parent};

use super::{LocalStore, Location};
use crate::error::{StoreError, path_error};
use crate::fault;
use crate::store::Store as _;

impl LocalStore {
    pub(super) fn make_perm_root(
        &self,
        path: &StorePath,
        link: &Path,
    ) -> Result<PathBuf, StoreError> {
        self.add_temp_roots(std::slice::from_ref(path))?;
        let link = make_link_to(&self.location, path, link, self.options.physical_links)?;
        if self.options.fsync_metadata {
            sync_parent(&link).map_err(path_error("syncing", &link))?;
        }
        self.make_indirect_root(&link)?;
        Ok(link)
    }

    pub(super) fn make_indirect_root(&self, link: &Path) -> Result<(), StoreError> {
        let link = canonical_text(link);
        let hash = Hasher::hash(Algorithm::Sha1, link.as_os_str().as_bytes()).to_nix32();
        self.make_link(
            &link,
            &self.location.state_dir.join("gcroots/auto").join(hash),
        )
    }

    fn make_link(&self, target: &Path, link: &Path) -> Result<(), StoreError> {
        if let Some(parent) = link.parent() {
            std::fs::create_dir_all(parent).map_err(path_error("creating directory", parent))?;
        }
        fault::point("roots: make link");
        replace_symlink(target, link).map_err(path_error("creating symlink", link))?;
        // A root that is lost in a power cut after its paths were reported is worse than a slow
        // one.
        if self.options.fsync_metadata {
            sync_parent(link).map_err(path_error("syncing", link))?;
        }
        Ok(())
    }
}

/// Makes a link to a path, in the place of an earlier one but of nothing else. It is no root yet.
pub(crate) fn make_link_to(
    location: &Location,
    path: &StorePath,
    link: &Path,
    to_physical: bool,
) -> Result<PathBuf, StoreError> {
    let link = canonical_text(link);
    let store_dir = &location.store_dir;
    if store_dir.contains(link.as_os_str().as_bytes()) {
        return Err(StoreError::other(format!(
            "creating a garbage collector root (\"{}\") in the Nix store is forbidden (are you \
             running nix-build inside the store?)",
            link.display()
        )));
    }
    // A link that leads into the store is ours to replace; anything else is not.
    if let Ok(metadata) = std::fs::symlink_metadata(&link) {
        let ours = metadata.file_type().is_symlink()
            && std::fs::read_link(&link)
                .is_ok_and(|target| location.logical_target(&target).is_some());
        if !ours {
            return Err(StoreError::other(format!(
                "cannot create symlink \"{}\"; already exists",
                link.display()
            )));
        }
    }
    let target = if to_physical {
        location.physical_path(path)
    } else {
        PathBuf::from(store_dir.print(path))
    };
    if let Some(parent) = link.parent() {
        std::fs::create_dir_all(parent).map_err(path_error("creating directory", parent))?;
    }
    fault::point("roots: make link");
    replace_symlink(&target, &link).map_err(path_error("creating symlink", &link))?;
    Ok(link)
}

/// A path without `.`, `..` and doubled slashes, by its text alone.
fn canonical_text(path: &Path) -> PathBuf {
    let mut parts: Vec<&[u8]> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.as_bytes()),
            Component::ParentDir => drop(parts.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    let mut text = Vec::new();
    for part in &parts {
        text.push(b'/');
        text.extend_from_slice(part);
    }
    if text.is_empty() {
        text.push(b'/');
    }
    PathBuf::from(OsString::from_vec(text))
}
