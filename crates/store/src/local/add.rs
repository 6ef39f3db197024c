//! Adding what is named by its contents: trees, texts, streams.
//!
//! A tree is hashed first; if its path is valid, that was all. Otherwise it is read once more
//! and written to its place, hashed again on the way: what is registered is what was written. A
//! tree that changed between the two passes is hashed anew.
//!
//! The order of steps is what makes a crash harmless: temporary root, lock, removal of leftovers,
//! contents, canonical metadata, (sync,) registration, lock file gone. Until registration all
//! there is is a leftover.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use firn_hash::{Algorithm, Hasher};
use firn_store_model::{ContentAddress, ContentAddressMethod, PathInfo, StorePath, ValidPathInfo};
use firn_sys::file::{remove_tree, sync_parent};
use firn_sys::file_lock::{LockKind, PathLock, try_lock_file};

use super::LocalStore;
use super::db::Registration;
use crate::error::{StoreError, path_error};
use crate::fault;
use crate::hash_tree::{content_address, content_path};
use crate::store::Store as _;
use crate::tree::{ContentsOnly, Filter, Listing, Placement, SourceTree, stream};
use crate::types::{AddOptions, DumpFormat};

/// How often a tree that keeps changing is tried.
const MAX_ATTEMPTS: usize = 5;

impl LocalStore {
    pub(super) fn add_source(
        &self,
        name: &str,
        tree: &dyn SourceTree,
        mut filter: Option<Filter<'_>>,
        options: &AddOptions,
    ) -> Result<StorePath, StoreError> {
        let contents_only = ContentsOnly(tree);
        let tree = match options.method {
            ContentAddressMethod::Flat | ContentAddressMethod::Text => &contents_only,
            ContentAddressMethod::Nar | ContentAddressMethod::Git => tree,
        };
        let mut attempt = 1;
        loop {
            let listing = Listing::walk(
                tree,
                match &mut filter {
                    Some(filter) => Some(&mut **filter),
                    None => None,
                },
            )?;
            let address = content_address(tree, &listing, options.method, options.algorithm)?;
            let path = content_path(self.store_dir(), name, &address, options)?;
            self.add_temp_roots(std::slice::from_ref(&path))?;
            if !options.repair && self.has(&path)? {
                return Ok(path);
            }
            self.require_writable("adding a path")?;
            if self.place_source(tree, &listing, &path, address, options)? {
                return Ok(path);
            }
            if attempt == MAX_ATTEMPTS {
                return Err(StoreError::other(format!(
                    "path '{}' changes while it is being added to the store",
                    tree.display(&[])
                )));
            }
            attempt += 1;
        }
    }

    /// Writes and registers a tree; false if it is not what it was when it was hashed.
    fn place_source(
        &self,
        tree: &dyn SourceTree,
        listing: &Listing,
        path: &StorePath,
        address: ContentAddress,
        options: &AddOptions,
    ) -> Result<bool, StoreError> {
        let real_path = self.location.physical_path(path);
        let mut lock = Self::lock_path(&real_path)?;
        if !options.repair && self.has(path)? {
            lock.remove_on_release();
            return Ok(true);
        }
        self.auto_collect()?;
        let site = self.site(path, real_path)?;
        let placement = Placement::new(&site.path, self.options.fsync_store_paths);
        let mut nar_hasher = Hasher::new(Algorithm::Sha256);
        let mut other_hasher = (address.method == ContentAddressMethod::Nar
            && address.hash.algorithm() != Algorithm::Sha256)
            .then(|| Hasher::new(address.hash.algorithm()));
        let streamed = stream(tree, listing, Some(&placement), &mut |bytes| {
            nar_hasher.update(bytes);
            if let Some(hasher) = &mut other_hasher {
                hasher.update(bytes);
            }
            Ok(())
        });
        if let Err(error) = streamed {
            Self::remove_leftover(&site.path)?;
            return Err(error);
        }
        let nar_size = nar_hasher.n_bytes();
        let nar_hash = nar_hasher.finish();
        let found = match (address.method, other_hasher) {
            (_, Some(hasher)) => hasher.finish(),
            (ContentAddressMethod::Nar, None) => nar_hash,
            (method, None) => {
                let placed = &*self.tree_at(site.path.clone());
                let listing = Listing::walk(placed, None)?;
                content_address(placed, &listing, method, address.hash.algorithm())?.hash
            }
        };
        if found != address.hash {
            Self::remove_leftover(&site.path)?;
            lock.remove_on_release();
            return Ok(false);
        }
        self.finish_path(site, options.repair)?;
        let mut info = PathInfo::new(nar_hash, nar_size);
        info.references.clone_from(&options.references);
        info.content_address = Some(address);
        self.register(ValidPathInfo {
            path: path.clone(),
            info,
        })?;
        lock.remove_on_release();
        Ok(true)
    }

    /// Adds a stream. It is unpacked beside the store's paths, because its name is known only at
    /// its end.
    pub(super) fn add_stream(
        &self,
        name: &str,
        source: &mut dyn Read,
        format: DumpFormat,
        options: &AddOptions,
    ) -> Result<StorePath, StoreError> {
        self.require_writable("adding a path")?;
        let staging = self.staging_directory()?;
        let staged = staging.path.join("x");
        match format {
            DumpFormat::Nar => self.unpack(source, &staged)?,
            DumpFormat::Flat => {
                let placement = Placement::new(&staged, self.options.fsync_store_paths);
                let mut file = placement.create_at(staged.clone(), false)?;
                copy_to(source, |bytes| file.write(bytes))?;
                file.finish()?;
            }
        }
        let tree = &*self.tree_at(staged.clone());
        // A second hashing of what was just written is cheap beside writing it, and hashes what
        // is there rather than what was said.
        let listing = Listing::walk(tree, None)?;
        let (nar_hash, nar_size) = crate::hash_tree::nar_hash(tree, &listing, Algorithm::Sha256)?;
        let address = if options.method == ContentAddressMethod::Nar
            && options.algorithm == Algorithm::Sha256
        {
            ContentAddress {
                method: options.method,
                hash: nar_hash,
            }
        } else {
            content_address(tree, &listing, options.method, options.algorithm)?
        };
        let path = content_path(self.store_dir(), name, &address, options)?;
        let mut info = PathInfo::new(nar_hash, nar_size);
        info.references.clone_from(&options.references);
        info.content_address = Some(address);
        self.publish_staged(
            &staged,
            ValidPathInfo {
                path: path.clone(),
                info,
            },
            options.repair,
        )?;
        Ok(path)
    }

    /// Moves a finished tree to its place and registers it.
    fn publish_staged(
        &self,
        staged: &Path,
        info: ValidPathInfo,
        repair: bool,
    ) -> Result<(), StoreError> {
        self.add_temp_roots(std::slice::from_ref(&info.path))?;
        if !repair && self.has(&info.path)? {
            return Ok(());
        }
        let real_path = self.location.physical_path(&info.path);
        let mut lock = Self::lock_path(&real_path)?;
        if repair || !self.has(&info.path)? {
            self.auto_collect()?;
            if !self.has(&info.path)? {
                Self::remove_leftover(&real_path)?;
            }
            let site = Site {
                path: staged.to_owned(),
                real_path,
                _staging: None,
            };
            self.finish_path(site, repair)?;
            self.register(info)?;
        }
        lock.remove_on_release();
        Ok(())
    }

    /// What the settings ask to happen to contents that somebody else put in their place, before
    /// they are registered: sharing of equal files, syncing.
    pub fn finish_placed(&self, path: &StorePath) -> Result<(), StoreError> {
        let real_path = self.location.physical_path(path);
        if self.options.fsync_store_paths {
            firn_sys::file::sync_tree(&real_path).map_err(path_error("syncing", &real_path))?;
        }
        let site = Site {
            path: real_path.clone(),
            real_path,
            _staging: None,
        };
        self.finish_path(site, false)
    }

    /// Where a path is to be written: in its place, cleared of leftovers; but beside it if it is
    /// valid, for then what is there, damaged or not, has to stay until it can be replaced.
    pub(super) fn site(&self, path: &StorePath, real_path: PathBuf) -> Result<Site, StoreError> {
        if self.has(path)? {
            let staging = self.staging_directory()?;
            let path = staging.path.join("x");
            return Ok(Site {
                path,
                real_path,
                _staging: Some(staging),
            });
        }
        Self::remove_leftover(&real_path)?;
        Ok(Site {
            path: real_path.clone(),
            real_path,
            _staging: None,
        })
    }

    /// The last steps before registration. What the path held before, if anything, goes with the
    /// staging directory.
    pub(super) fn finish_path(&self, site: Site, repair: bool) -> Result<(), StoreError> {
        let Site {
            path,
            real_path,
            _staging: replaced,
        } = site;
        if path != real_path {
            fault::point("add: move to its place");
            super::move_tree(&path, &real_path)?;
        }
        drop(replaced);
        if self.options.auto_optimise {
            self.optimise_path(&real_path, repair)?;
        }
        if self.options.fsync_store_paths {
            sync_parent(&real_path).map_err(path_error("syncing", &real_path))?;
        }
        Ok(())
    }

    pub(super) fn register(&self, info: ValidPathInfo) -> Result<(), StoreError> {
        let outputs = self.outputs_to_register(&info.path)?;
        self.register_all(&[Registration { info, outputs }])
    }

    pub(super) fn lock_path(real_path: &Path) -> Result<PathLock, StoreError> {
        fault::point("add: lock");
        PathLock::acquire(&[real_path], |_| {}).map_err(path_error("locking", real_path))
    }

    /// Removes what an interrupted addition left where a path belongs.
    pub(super) fn remove_leftover(real_path: &Path) -> Result<(), StoreError> {
        fault::point("add: remove leftover");
        remove_tree(real_path)
            .map(drop)
            .map_err(path_error("deleting", real_path))
    }

    /// A directory in the store that no collector touches while it is open.
    pub(super) fn staging_directory(&self) -> Result<StagingDirectory, StoreError> {
        use std::os::unix::fs::DirBuilderExt as _;
        loop {
            let path = firn_sys::file::sibling_name(&self.location.physical_dir.join("tmp"), "-");
            fault::point("add: create staging directory");
            match std::fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    drop(remove_tree(&path));
                    continue;
                }
                Err(error) => return Err(path_error("creating directory", &path)(error)),
            }
            // A collector may have deleted it before it was locked.
            let Ok(lock) = File::open(&path) else {
                continue;
            };
            let locked =
                try_lock_file(&lock, LockKind::Exclusive).map_err(path_error("locking", &path))?;
            if locked && path.exists() {
                return Ok(StagingDirectory { path, _lock: lock });
            }
        }
    }
}

/// Where a path is being written.
pub(super) struct Site {
    pub(super) path: PathBuf,
    real_path: PathBuf,
    _staging: Option<StagingDirectory>,
}

/// A locked directory, removed with all that is left in it.
pub(super) struct StagingDirectory {
    pub(super) path: PathBuf,
    _lock: File,
}

impl Drop for StagingDirectory {
    fn drop(&mut self) {
        drop(remove_tree(&self.path));
    }
}

fn copy_to(
    source: &mut dyn Read,
    mut write: impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut buffer = vec![0; 1 << 18];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => write(&buffer[..n])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(StoreError::other(format!("reading a stream: {error}"))),
        }
    }
}
