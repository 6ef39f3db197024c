//! A working tree as it lies there: what Git tracks of it, with the contents that the files have now.
//!
//! A clean tree is that of its commit. One with changes has no revision; it is known again by a hash of
//! what was changed, so that asking twice copies once.

use std::path::{Path, PathBuf};

use firn_hash::{Hash, Hasher};

use super::repo::{Repo, WorkingTree};
use super::{TreeOptions, check_whole, snapshot};
use crate::attrs;
use crate::fetcher::{Found, MAX_WATCHED};
use crate::scheme::git::Location;
use crate::{FetchError, Fetcher, Input, Result};

impl Fetcher {
    pub(super) fn fetch_working_tree(
        &self,
        input: &Input,
        path: &Path,
        options: TreeOptions,
    ) -> Result<Found> {
        let mut input = input.clone();
        let shallow = attrs::flag(&input.attrs, "shallow")?;
        let repo = Repo::open(path)?;
        let mut state = repo.working_tree()?;
        let submodules = if options.submodules {
            self.checked_out_submodules(path, &mut state)?
        } else {
            Vec::new()
        };
        let fingerprint = if state.is_dirty {
            if submodules.is_empty() {
                Some(dirty_fingerprint(path, &state, options)?)
            } else {
                None
            }
        } else {
            let rev = state.head.clone().unwrap_or_else(|| "0".repeat(40));
            Some(options.fingerprint(&rev))
        };
        let known = match &fingerprint {
            Some(fingerprint) => self.known_tree(fingerprint, input.name())?,
            None => None,
        };
        let (store_path, hash) = if let Some(known) = known {
            known
        } else {
            let tree =
                snapshot::of_working_tree(&repo, path, &state, options.export_ignore, submodules)?;
            let added = self.add_tree(input.name(), &tree)?;
            if let Some(fingerprint) = &fingerprint {
                self.note_tree(fingerprint, &added.1);
            }
            added
        };
        if state.is_dirty {
            self.warn_dirty(path)?;
            if let Some(head) = &state.head {
                input.set("dirtyRev", format!("{head}-dirty"));
                input.set("dirtyShortRev", format!("{}-dirty", &head[..7]));
            }
            Self::verify_commit(&input, None)?;
        } else {
            if let Some(git_ref) = repo.head_ref()? {
                input.set("ref", git_ref);
            }
            let rev = state.head.clone().unwrap_or_else(|| "0".repeat(40));
            input.set("rev", rev.as_str());
            if !shallow {
                let place = Location::Local(path.to_path_buf());
                check_whole(&repo, &place)?;
                let count = match &state.head {
                    Some(rev) => self.rev_count(&repo, rev, &place)?,
                    None => 0,
                };
                input.set("revCount", count);
            }
            Self::verify_commit(&input, Some(&repo))?;
        }
        let last_modified = match &state.head {
            Some(rev) => self.last_modified(&repo, rev)?,
            None => 0,
        };
        input.set("lastModified", last_modified);
        let watched = (!options.submodules).then(|| repo.watched(path, &state));
        Ok(Found {
            input,
            path: store_path,
            hash,
            watched: watched.filter(|it| it.len() < MAX_WATCHED),
            display: Some(path.components().collect::<PathBuf>().display().to_string()),
            working_tree: Some(path.components().collect()),
        })
    }

    fn warn_dirty(&self, path: &Path) -> Result<()> {
        let message = format!("Git tree '{}' is dirty", path.display());
        if !self.settings().allow_dirty {
            return Err(FetchError::new(message));
        }
        if self.settings().warn_dirty {
            self.warn(&message);
        }
        Ok(())
    }
}

/// What stands for a working tree with changes: its revision, and a hash of what was changed.
fn dirty_fingerprint(path: &Path, state: &WorkingTree, options: TreeOptions) -> Result<String> {
    use std::io::Read as _;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::MetadataExt as _;
    let mut hasher = Hasher::new(firn_hash::Algorithm::Sha256);
    let mut text = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    for name in &state.dirty {
        let place = path.join(std::ffi::OsStr::from_bytes(name));
        let failed = |it: std::io::Error| FetchError::io("reading", &place, &it);
        text(b"modified");
        text(name);
        let metadata = std::fs::symlink_metadata(&place).map_err(failed)?;
        if metadata.is_symlink() {
            text(
                std::fs::read_link(&place)
                    .map_err(failed)?
                    .as_os_str()
                    .as_bytes(),
            );
        } else if metadata.is_file() {
            let mut contents = Vec::new();
            let mut file = std::fs::File::open(&place).map_err(failed)?;
            file.read_to_end(&mut contents).map_err(failed)?;
            text(&[u8::from(metadata.mode() & 0o100 != 0)]);
            text(&contents);
        }
    }
    for name in &state.deleted {
        text(b"deleted");
        text(name);
    }
    let hash: Hash = hasher.finish();
    let rev = state.head.clone().unwrap_or_else(|| "0".repeat(40));
    Ok(format!(
        "{};d={}",
        options.fingerprint(&rev),
        hash.to_base16()
    ))
}
