//! Making objects content-addressed that are not: the same contents under names that follow from
//! them.
//!
//! References come first: an object's archive mentions the new names of what it refers to, and its
//! own name as if it were not there. With the name that follows from that, its own mentions are
//! rewritten in turn. (Dolstra, *The Purely Functional Software Deployment Model*, chapter 6.)

use std::collections::BTreeMap;
use std::io::Write as _;

use firn_hash::{Algorithm, Hasher};
use firn_store_model::{
    ContentAddress, ContentAddressMethod, PathInfo, RewritingWriter, SelfReferenceHasher,
    StorePath, StoreReferences, ValidPathInfo,
};

use crate::closure::{ClosureOptions, closure, path_info, sort_topologically};
use crate::error::StoreError;
use crate::store::Store;
use crate::types::{NarOptions, StorePathSet};

/// Adds content-addressed forms of paths and all they refer to; returns the new name of each.
pub fn make_content_addressed(
    from: &dyn Store,
    to: &dyn Store,
    paths: &StorePathSet,
) -> Result<BTreeMap<StorePath, StorePath>, StoreError> {
    let all = closure(from, paths.iter().cloned(), ClosureOptions::default())?;
    let mut renamed = BTreeMap::new();
    for path in sort_topologically(from, &all)?.into_iter().rev() {
        let new = make_one(from, to, &path, &renamed)?;
        renamed.insert(path, new);
    }
    Ok(renamed)
}

fn make_one(
    from: &dyn Store,
    to: &dyn Store,
    path: &StorePath,
    renamed: &BTreeMap<StorePath, StorePath>,
) -> Result<StorePath, StoreError> {
    let failed =
        |error: std::io::Error| StoreError::other(format!("rewriting an archive: {error}"));
    let info = path_info(from, path)?;
    let mut references = StoreReferences::default();
    let mut rewrites = Vec::new();
    for reference in &info.references {
        if reference == path {
            references.itself = true;
            continue;
        }
        let new = renamed.get(reference).ok_or_else(|| {
            StoreError::other(format!(
                "'{path}' refers to '{reference}', which comes later"
            ))
        })?;
        rewrites.push((reference.hash_part().as_bytes(), new.hash_part().as_bytes()));
        references.others.insert(new.clone());
    }
    let mut rewriting = RewritingWriter::new(rewrites, Vec::new());
    from.nar_from_path(path, &mut rewriting)?;
    let nar = rewriting.finish().map_err(failed)?;
    let mut hasher = SelfReferenceHasher::new(Algorithm::Sha256, path.hash_part());
    hasher.write_all(&nar).map_err(failed)?;
    let address = ContentAddress {
        method: ContentAddressMethod::Nar,
        hash: hasher.finish().0,
    };
    let new = to
        .store_dir()
        .make_content_addressed_path(path.name(), &address, &references)
        .map_err(|error| StoreError::other(error.to_string()))?;
    let own = [(path.hash_part().as_bytes(), new.hash_part().as_bytes())];
    let mut rewriting = RewritingWriter::new(own, Vec::with_capacity(nar.len()));
    rewriting.write_all(&nar).map_err(failed)?;
    let nar = rewriting.finish().map_err(failed)?;
    let mut new_info = PathInfo::new(Hasher::sha256(&nar), nar.len() as u64);
    new_info.references = references.others;
    if references.itself {
        new_info.references.insert(new.clone());
    }
    new_info.content_address = Some(address);
    let new_info = ValidPathInfo {
        path: new,
        info: new_info,
    };
    to.add_nar(&new_info, &mut nar.as_slice(), NarOptions::default())?;
    Ok(new_info.path)
}
