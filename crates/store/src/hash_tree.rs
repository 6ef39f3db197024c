//! What a tree's contents hash to, by each method of content-addressing, and the store path that
//! follows: without a store, so that a source can be named long before it is copied.

use std::io::Write as _;

use firn_hash::{Algorithm, Hash, Hasher};
use firn_store_model::{
    ContentAddress, ContentAddressMethod, SelfReferenceHasher, StoreDir, StorePath, StoreReferences,
};

use crate::error::{StoreError, io_error};
use crate::tree::{ContentsOnly, FileKind, Filter, Listing, SourceTree, git_hash, stream};
use crate::types::AddOptions;

/// The content address and store path that a tree would get.
pub fn hash_tree(
    store_dir: &StoreDir,
    name: &str,
    tree: &dyn SourceTree,
    filter: Option<Filter<'_>>,
    options: &AddOptions,
) -> Result<(ContentAddress, StorePath), StoreError> {
    let listing = Listing::walk(tree, filter)?;
    let address = content_address(tree, &listing, options.method, options.algorithm)?;
    let path = content_path(store_dir, name, &address, options)?;
    Ok((address, path))
}

/// The store path of an address.
pub(crate) fn content_path(
    store_dir: &StoreDir,
    name: &str,
    address: &ContentAddress,
    options: &AddOptions,
) -> Result<StorePath, StoreError> {
    let references = StoreReferences {
        others: options.references.clone(),
        itself: false,
    };
    store_dir
        .make_content_addressed_path(name, address, &references)
        .map_err(|error| StoreError::other(error.to_string()))
}

/// Hashes a listed tree by a method.
pub(crate) fn content_address(
    tree: &dyn SourceTree,
    listing: &Listing,
    method: ContentAddressMethod,
    algorithm: Algorithm,
) -> Result<ContentAddress, StoreError> {
    let hash = match method {
        ContentAddressMethod::Nar => nar_hash(tree, listing, algorithm)?.0,
        ContentAddressMethod::Git => git_hash(tree, listing, algorithm)?,
        ContentAddressMethod::Flat | ContentAddressMethod::Text => {
            if listing.root_kind() != FileKind::Regular {
                return Err(StoreError::other(format!(
                    "path '{}' is not a regular file",
                    tree.display(&[])
                )));
            }
            flat_hash(tree, algorithm)?
        }
    };
    Ok(ContentAddress { method, hash })
}

/// Hash and size of the archive of a tree.
pub fn nar_hash(
    tree: &dyn SourceTree,
    listing: &Listing,
    algorithm: Algorithm,
) -> Result<(Hash, u64), StoreError> {
    let mut hasher = Hasher::new(algorithm);
    stream(tree, listing, None, &mut |bytes| {
        hasher.update(bytes);
        Ok(())
    })?;
    let size = hasher.n_bytes();
    Ok((hasher.finish(), size))
}

fn flat_hash(tree: &dyn SourceTree, algorithm: Algorithm) -> Result<Hash, StoreError> {
    let failed = |error| io_error("reading", tree.display(&[]), error);
    let file = ContentsOnly(tree);
    let mut file = file.open(&[]).map_err(failed)?;
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.reader.read(&mut buffer).map_err(failed)? {
            0 => return Ok(hasher.finish()),
            n => hasher.update(&buffer[..n]),
        }
    }
}

/// Hash of the archive of a tree that refers to itself: its own hash part counts as zeros.
pub fn nar_hash_modulo(
    tree: &dyn SourceTree,
    listing: &Listing,
    algorithm: Algorithm,
    hash_part: &str,
) -> Result<Hash, StoreError> {
    let mut hasher = SelfReferenceHasher::new(algorithm, hash_part);
    stream(tree, listing, None, &mut |bytes| {
        hasher
            .write_all(bytes)
            .map_err(|error| io_error("hashing", tree.display(&[]), error))
    })?;
    Ok(hasher.finish().0)
}
