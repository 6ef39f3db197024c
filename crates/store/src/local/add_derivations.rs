//! Writing many derivation files at once.
//!
//! An evaluation produces thousands of small files that all become valid together: one question
//! to the database for all of them, one write to the temporary roots, one transaction. There is
//! no lock per path: the contents of a derivation file follow from its name, so everyone who
//! writes it writes the same bytes, each under a name of its own that is then renamed into place.
//! A tool that does lock may, believing the path invalid, delete the file between the rename and
//! its own writing; therefore each file is looked at once more after the transaction, and what is
//! gone is written again.
//!
//! The name of the temporary file begins with the path's own name: a collector compares only the
//! hash part with the temporary roots, and so leaves it alone.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use firn_hash::{Algorithm, Hasher};
use firn_store_model::{ContentAddress, ContentAddressMethod, PathInfo, StorePath, ValidPathInfo};
use firn_sys::file::{set_file_mtime, sibling_name};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use super::LocalStore;
use super::db::Registration;
use crate::error::{StoreError, path_error};
use crate::fault;
use crate::store::Store as _;
use crate::types::DerivationText;

/// From this many files on, writing them is shared among threads.
const PARALLEL_FROM: usize = 64;

impl LocalStore {
    pub(super) fn write_derivations(
        &self,
        derivations: &[DerivationText],
    ) -> Result<(), StoreError> {
        if derivations.is_empty() {
            return Ok(());
        }
        self.require_writable("adding a derivation")?;
        let paths: Vec<StorePath> = derivations.iter().map(|it| it.path.clone()).collect();
        self.add_temp_roots(&paths)?;
        let valid = self.valid_among(&paths)?;
        let mut seen = HashSet::new();
        let new: Vec<&DerivationText> = derivations
            .iter()
            .filter(|it| !valid.contains(&it.path) && seen.insert(&it.path))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        self.auto_collect()?;
        let needs_mode = firn_sys::file::umask() & 0o444 != 0;
        let write = |text: &&DerivationText| -> Result<Registration, StoreError> {
            let registration = self.registration_of(text)?;
            self.write_file(&text.path, &text.contents, needs_mode)?;
            Ok(registration)
        };
        let registrations: Vec<Registration> = if new.len() < PARALLEL_FROM {
            new.iter().map(write).collect::<Result<_, _>>()?
        } else {
            new.par_iter().map(write).collect::<Result<_, _>>()?
        };
        self.register_all(&registrations)?;
        for text in &new {
            if !self.location.physical_path(&text.path).exists() {
                self.write_file(&text.path, &text.contents, needs_mode)?;
            }
        }
        Ok(())
    }

    fn registration_of(&self, text: &DerivationText) -> Result<Registration, StoreError> {
        let hash = Hasher::sha256(&text.contents);
        let expected = self
            .location
            .store_dir
            .make_text_path(text.path.name(), &hash, sorted(&text.references))
            .map_err(StoreError::format)?;
        if expected != text.path {
            return Err(StoreError::other(format!(
                "derivation '{}' has contents that belong to '{}'",
                self.location.store_dir.print(&text.path),
                self.location.store_dir.print(&expected)
            )));
        }
        let (nar_hash, nar_size) = nar_of_file(&text.contents);
        let mut info = PathInfo::new(nar_hash, nar_size);
        info.references = text.references.iter().cloned().collect();
        info.content_address = Some(ContentAddress {
            method: ContentAddressMethod::Text,
            hash,
        });
        let outputs = text
            .outputs
            .iter()
            .filter_map(|(name, path)| Some((name.clone(), path.clone()?)))
            .collect();
        Ok(Registration {
            info: ValidPathInfo {
                path: text.path.clone(),
                info,
            },
            outputs,
        })
    }

    fn write_file(
        &self,
        path: &StorePath,
        contents: &[u8],
        needs_mode: bool,
    ) -> Result<(), StoreError> {
        let real_path = self.location.physical_path(path);
        let temporary = sibling_name(&real_path, ".tmp-");
        self.write_temporary(&temporary, contents, needs_mode)
            .map_err(path_error("writing", &temporary))?;
        fault::point("derivation: rename");
        match std::fs::rename(&temporary, &real_path) {
            Ok(()) => Ok(()),
            Err(error) => {
                drop(std::fs::remove_file(&temporary));
                // A leftover directory of that name can only be the work of a crash or a vandal.
                if real_path.is_dir() {
                    Self::remove_leftover(&real_path)?;
                    return self.write_file(path, contents, needs_mode);
                }
                Err(path_error("moving", &temporary)(error))
            }
        }
    }

    fn write_temporary(
        &self,
        temporary: &Path,
        contents: &[u8],
        needs_mode: bool,
    ) -> std::io::Result<()> {
        fault::point("derivation: create");
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o444)
            .open(temporary)?;
        if needs_mode {
            file.set_permissions(std::fs::Permissions::from_mode(0o444))?;
        }
        fault::point("derivation: write");
        file.write_all(contents)?;
        set_file_mtime(&file, 1)?;
        if self.options.fsync_store_paths {
            file.sync_all()?;
        }
        Ok(())
    }
}

fn sorted(references: &[StorePath]) -> Vec<&StorePath> {
    let mut references: Vec<&StorePath> = references.iter().collect();
    references.sort_unstable();
    references.dedup();
    references
}

/// Hash and size of the archive of a file that is not executable.
fn nar_of_file(contents: &[u8]) -> (firn_hash::Hash, u64) {
    const BEFORE: &[u8] = b"\x0d\0\0\0\0\0\0\0nix-archive-1\0\0\0\x01\0\0\0\0\0\0\0(\0\0\0\0\0\0\0\
        \x04\0\0\0\0\0\0\0type\0\0\0\0\x07\0\0\0\0\0\0\0regular\0\
        \x08\0\0\0\0\0\0\0contents";
    const AFTER: &[u8] = b"\x01\0\0\0\0\0\0\0)\0\0\0\0\0\0\0";
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(BEFORE);
    hasher.update(&(contents.len() as u64).to_le_bytes());
    hasher.update(contents);
    hasher.update(&[0; 8][..(8 - contents.len() % 8) % 8]);
    hasher.update(AFTER);
    let size = hasher.n_bytes();
    (hasher.finish(), size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash_tree::nar_hash;
    use crate::tree::{Listing, MemoryFile};

    #[test]
    fn the_archive_of_a_file_is_what_the_general_way_makes_of_it() {
        for contents in [
            &b""[..],
            b"1234567",
            b"12345678",
            vec![7; 100_001].as_slice(),
        ] {
            let tree = MemoryFile {
                contents,
                name: "x",
            };
            let listing = Listing::walk(&tree, None).expect("a file");
            let expected = nar_hash(&tree, &listing, Algorithm::Sha256).expect("hashed");
            assert_eq!(nar_of_file(contents), expected);
        }
    }
}
