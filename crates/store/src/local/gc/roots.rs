//! Finding roots: links below `gcroots` and `profiles`, running programs, temporary roots.
//!
//! A link that leads into the store is a root. One that leads elsewhere is an indirect root: what
//! it leads to must be a link into the store, and is the root; if that is gone, a link in
//! `gcroots/auto` is stale and removed. An ordinary file named like a store path is a root for
//! that path.

use std::collections::BTreeSet;
use std::fs::{FileType, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use firn_events::Level;
use firn_store_model::StorePath;
use firn_sys::file_lock::{LockKind, try_lock_file};

use super::runtime::runtime_roots;
use crate::error::{StoreError, path_error};
use crate::local::LocalStore;
use crate::types::Roots;

/// What stands for a process of which no more should be said.
const CENSORED: &[u8] = b"{censored}";

impl LocalStore {
    /// Every root that is not temporary.
    pub(in crate::local) fn permanent_roots(&self, censor: bool) -> Result<Roots, StoreError> {
        let mut roots = Roots::new();
        let state_dir = &self.location.state_dir;
        self.roots_below(&state_dir.join("gcroots"), &mut roots)?;
        self.roots_below(&state_dir.join("profiles"), &mut roots)?;
        if let Some(proc_dir) = &self.options.proc_dir {
            for (path, names) in runtime_roots(proc_dir, &self.location.store_dir)? {
                if !self.db.is_valid(&path)? {
                    continue;
                }
                let entry = roots.entry(path).or_default();
                if censor {
                    entry.insert(CENSORED.to_vec());
                } else {
                    entry.extend(names);
                }
            }
        }
        Ok(roots)
    }

    fn roots_below(&self, start: &Path, roots: &mut Roots) -> Result<(), StoreError> {
        let mut pending: Vec<(PathBuf, Option<FileType>)> = vec![(start.to_owned(), None)];
        while let Some((path, kind)) = pending.pop() {
            match self.examine(&path, kind, &mut pending, roots) {
                Ok(()) => {}
                Err(StoreError::Io { source, .. }) if is_harmless(&source) => {
                    let text = format!("cannot read potential root \"{}\"", path.display());
                    self.events().message(Level::Info, &text);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn examine(
        &self,
        path: &Path,
        kind: Option<FileType>,
        pending: &mut Vec<(PathBuf, Option<FileType>)>,
        roots: &mut Roots,
    ) -> Result<(), StoreError> {
        let kind = match kind {
            Some(kind) => kind,
            None => std::fs::symlink_metadata(path)
                .map_err(path_error("getting status of", path))?
                .file_type(),
        };
        if kind.is_dir() {
            for entry in std::fs::read_dir(path).map_err(path_error("reading", path))? {
                let entry = entry.map_err(path_error("reading", path))?;
                pending.push((entry.path(), entry.file_type().ok()));
            }
            return Ok(());
        }
        if kind.is_symlink() {
            return self.examine_link(path, roots);
        }
        if kind.is_file() {
            let name = path
                .file_name()
                .map(std::os::unix::ffi::OsStrExt::as_bytes)
                .unwrap_or_default();
            if let Ok(store_path) = StorePath::parse(name)
                && self.db.is_valid(&store_path)?
            {
                add(roots, store_path, path);
            }
        }
        Ok(())
    }

    fn examine_link(&self, link: &Path, roots: &mut Roots) -> Result<(), StoreError> {
        let target = std::fs::read_link(link).map_err(path_error("reading", link))?;
        if let Some(target) = self.location.logical_target(&target) {
            return self.found(link, &target, roots);
        }
        let target = link.parent().unwrap_or(Path::new("/")).join(target);
        let Ok(metadata) = std::fs::symlink_metadata(&target) else {
            if link.starts_with(self.location.state_dir.join("gcroots/auto")) {
                let text = format!(
                    "removing stale link from \"{}\" to \"{}\"",
                    link.display(),
                    target.display()
                );
                self.events().message(Level::Info, &text);
                drop(std::fs::remove_file(link));
            }
            return Ok(());
        };
        if !metadata.file_type().is_symlink() {
            return Ok(());
        }
        let second = std::fs::read_link(&target).map_err(path_error("reading", &target))?;
        if let Some(second) = self.location.logical_target(&second) {
            return self.found(&target, &second, roots);
        }
        Ok(())
    }

    fn found(&self, link: &Path, target: &Path, roots: &mut Roots) -> Result<(), StoreError> {
        let Ok((path, _)) = self.location.store_dir.split(target.as_os_str().as_bytes()) else {
            return Ok(());
        };
        if self.db.is_valid(&path)? {
            add(roots, path, link);
        } else {
            let text = format!(
                "skipping invalid root from \"{}\" to \"{}\"",
                link.display(),
                target.display()
            );
            self.events().message(Level::Info, &text);
        }
        Ok(())
    }

    /// What running processes declared. Files of processes that are gone are removed.
    pub(in crate::local) fn temporary_roots(&self) -> Result<Roots, StoreError> {
        let directory = self.location.state_dir.join("temproots");
        let mut roots = Roots::new();
        for entry in std::fs::read_dir(&directory).map_err(path_error("reading", &directory))? {
            let entry = entry.map_err(path_error("reading", &directory))?;
            let name = entry.file_name();
            // Hidden files keep the directory alive for some package managers.
            if name.as_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            let mut file = match OpenOptions::new().read(true).write(true).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    return Err(path_error("opening temporary roots file", &path)(error));
                }
            };
            if try_lock_file(&file, LockKind::Exclusive).map_err(path_error("locking", &path))? {
                let text = format!("removing stale temporary roots file \"{}\"", path.display());
                self.events().message(Level::Info, &text);
                drop(std::fs::remove_file(&path));
                // Tells a process that just opened it that the file has lost its name.
                drop(file.write_all(b"d"));
                continue;
            }
            let mut contents = Vec::new();
            file.read_to_end(&mut contents)
                .map_err(path_error("reading", &path))?;
            let mut label = b"{temp:".to_vec();
            label.extend_from_slice(name.as_bytes());
            label.push(b'}');
            // What follows the last zero byte is not complete yet.
            let complete = contents.iter().rposition(|byte| *byte == 0).unwrap_or(0);
            for text in contents[..complete].split(|byte| *byte == 0) {
                if let Ok(path) = self.location.store_dir.parse(text) {
                    roots.entry(path).or_default().insert(label.clone());
                }
            }
        }
        Ok(roots)
    }
}

fn add(roots: &mut Roots, path: StorePath, link: &Path) {
    let names: &mut BTreeSet<Vec<u8>> = roots.entry(path).or_default();
    names.insert(link.as_os_str().as_bytes().to_vec());
}

fn is_harmless(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
