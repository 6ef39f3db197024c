//! Adding an object of which everything is known beforehand: what a substituter, a copy or an
//! import brings. The archive goes straight to its place while it is hashed; it becomes valid
//! only if hash, size and content address are what they were said to be.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use firn_hash::{Algorithm, HashFormat, HashingReader};
use firn_store_model::{ContentAddress, ContentAddressMethod, ValidPathInfo};

use super::LocalStore;
use crate::error::StoreError;
use crate::hash_tree::content_address;
use crate::store::Store as _;
use crate::tree::{CaseHackedTree, Listing, LocalTree, SourceTree, unpack_stored};
use crate::types::NarOptions;

impl LocalStore {
    pub(super) fn add_archive(
        &self,
        info: &ValidPathInfo,
        source: &mut dyn Read,
        options: NarOptions,
    ) -> Result<(), StoreError> {
        self.require_writable("adding a path")?;
        if options.check_signatures && !self.is_trusted(info) {
            return Err(StoreError::Untrusted {
                path: self.location.store_dir.print(&info.path),
            });
        }
        let mut source = Counting { source, n_read: 0 };
        let added = self.add_archive_from(info, &mut source, options);
        // The sender sends the archive whether it is wanted or not.
        if added.is_ok() && info.nar_size > source.n_read {
            let rest = info.nar_size - source.n_read;
            io::copy(&mut (&mut source).take(rest), &mut io::sink())
                .map_err(|error| StoreError::other(format!("reading a Nix archive: {error}")))?;
        }
        added
    }

    fn add_archive_from(
        &self,
        info: &ValidPathInfo,
        source: &mut Counting<'_>,
        options: NarOptions,
    ) -> Result<(), StoreError> {
        self.add_temp_roots(std::slice::from_ref(&info.path))?;
        if !options.repair && self.has(&info.path)? {
            return Ok(());
        }
        let real_path = self.location.physical_path(&info.path);
        let mut lock = Self::lock_path(&real_path)?;
        if options.repair || !self.has(&info.path)? {
            let site = self.site(&info.path, real_path)?;
            let mut reader = HashingReader::new(Algorithm::Sha256, source);
            let outcome = self.unpack(&mut reader, &site.path).and_then(|()| {
                let (hash, size, _) = reader.finish();
                self.check_archive(info, &site.path, hash, size)
            });
            if let Err(error) = outcome {
                Self::remove_leftover(&site.path)?;
                lock.remove_on_release();
                return Err(error);
            }
            self.auto_collect()?;
            self.finish_path(site, options.repair)?;
            self.register(info.clone())?;
        }
        lock.remove_on_release();
        Ok(())
    }

    fn check_archive(
        &self,
        info: &ValidPathInfo,
        placed: &Path,
        hash: firn_hash::Hash,
        size: u64,
    ) -> Result<(), StoreError> {
        let path = || self.location.store_dir.print(&info.path);
        let text = |hash: firn_hash::Hash| hash.format(HashFormat::Nix32, true);
        if hash != info.nar_hash {
            return Err(StoreError::HashMismatch {
                path: path(),
                specified: text(info.nar_hash),
                got: text(hash),
                content_address: false,
            });
        }
        if size != info.nar_size {
            return Err(StoreError::SizeMismatch {
                path: path(),
                specified: info.nar_size,
                got: size,
            });
        }
        let Some(address) = info.content_address else {
            return Ok(());
        };
        let found = self.address_of_placed(info, placed, address)?;
        if found != address {
            return Err(StoreError::HashMismatch {
                path: path(),
                specified: text(address.hash),
                got: text(found.hash),
                content_address: true,
            });
        }
        Ok(())
    }

    /// The content address that a tree in its place really has.
    fn address_of_placed(
        &self,
        info: &ValidPathInfo,
        placed: &Path,
        address: ContentAddress,
    ) -> Result<ContentAddress, StoreError> {
        let tree = &*self.tree_at(placed.to_owned());
        let listing = Listing::walk(tree, None)?;
        if address.method == ContentAddressMethod::Nar && info.references.contains(&info.path) {
            let hash = crate::hash_tree::nar_hash_modulo(
                tree,
                &listing,
                address.hash.algorithm(),
                info.path.hash_part(),
            )?;
            return Ok(ContentAddress {
                method: address.method,
                hash,
            });
        }
        content_address(tree, &listing, address.method, address.hash.algorithm())
    }
}

impl LocalStore {
    /// Unpacks an archive where a path is going to be.
    pub(super) fn unpack(&self, source: &mut dyn Read, place: &Path) -> Result<(), StoreError> {
        let options = &self.options;
        unpack_stored(
            source,
            place,
            options.fsync_store_paths,
            options.use_case_hack,
        )
    }

    /// What a path of this store holds, as the archive that it came from had it.
    pub(super) fn tree_at(&self, place: PathBuf) -> Box<dyn SourceTree> {
        let tree = LocalTree::new(place);
        if self.options.use_case_hack {
            Box::new(CaseHackedTree::new(tree))
        } else {
            Box::new(tree)
        }
    }
}

struct Counting<'a> {
    source: &'a mut dyn Read,
    n_read: u64,
}

impl Read for Counting<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(into)?;
        self.n_read += n as u64;
        Ok(n)
    }
}
