//! Adding contents to stores that take only what is described: hash and size of the archive come
//! before the archive itself.

use std::io::{Read, Write};

use firn_hash::{Algorithm, Hash, Hasher};
use firn_store_model::{
    ContentAddress, ContentAddressMethod, PathInfo, StorePath, ValidPathInfo, nar,
};

use crate::error::StoreError;
use crate::hash_tree::{content_address, content_path, nar_hash};
use crate::store::Store;
use crate::tree::{Filter, Listing, SourceTree, stream};
use crate::types::{AddOptions, DumpFormat, NarOptions};

/// Adds a tree, which is read once for its hashes and once more for its archive.
pub(crate) fn add_tree(
    store: &dyn Store,
    name: &str,
    tree: &dyn SourceTree,
    filter: Option<Filter<'_>>,
    options: &AddOptions,
) -> Result<StorePath, StoreError> {
    let listing = Listing::walk(tree, filter)?;
    let address = content_address(tree, &listing, options.method, options.algorithm)?;
    let described = nar_hash(tree, &listing, Algorithm::Sha256)?;
    add(store, name, address, described, options, &mut |out| {
        stream(tree, &listing, None, &mut |bytes| {
            out.write_all(bytes)
                .map_err(|error| StoreError::other(format!("writing a Nix archive: {error}")))
        })
    })
}

/// Adds a stream of contents; they are kept in memory, since their address must be known before
/// they can be described.
pub(crate) fn add_dump(
    store: &dyn Store,
    name: &str,
    source: &mut dyn Read,
    format: DumpFormat,
    options: &AddOptions,
) -> Result<StorePath, StoreError> {
    let unreadable =
        |error: std::io::Error| StoreError::other(format!("reading a Nix archive: {error}"));
    let mut contents = Vec::new();
    source.read_to_end(&mut contents).map_err(unreadable)?;
    let nar = match format {
        DumpFormat::Nar => contents.clone(),
        DumpFormat::Flat => {
            nar::write_nar_file(&contents, Vec::new()).map_err(|error| unreadable(error.into()))?
        }
    };
    let hashed = match (options.method, format) {
        (ContentAddressMethod::Nar, _) => &nar,
        (ContentAddressMethod::Flat | ContentAddressMethod::Text, DumpFormat::Flat) => &contents,
        _ => return Err(store.unsupported("adding contents in this form")),
    };
    let address = ContentAddress {
        method: options.method,
        hash: Hasher::hash(options.algorithm, hashed),
    };
    let described = (Hasher::sha256(&nar), nar.len() as u64);
    add(store, name, address, described, options, &mut |out| {
        out.write_all(&nar)
            .map_err(|error| StoreError::other(format!("writing a Nix archive: {error}")))
    })
}

/// Adds contents whose address is known and whose archive `write` writes.
fn add(
    store: &dyn Store,
    name: &str,
    address: ContentAddress,
    (nar_hash, nar_size): (Hash, u64),
    options: &AddOptions,
    write: &mut (dyn FnMut(&mut dyn Write) -> Result<(), StoreError> + Send),
) -> Result<StorePath, StoreError> {
    let path = content_path(store.store_dir(), name, &address, options)?;
    let mut info = PathInfo::new(nar_hash, nar_size);
    info.references.clone_from(&options.references);
    info.content_address = Some(address);
    let info = ValidPathInfo {
        path: path.clone(),
        info,
    };
    if options.repair || !store.is_valid_path(&path)? {
        let nar_options = NarOptions {
            repair: options.repair,
            check_signatures: false,
        };
        crate::copy::pipe(
            |out| write(out),
            |source| store.add_nar(&info, source, nar_options),
        )?;
    }
    Ok(path)
}
