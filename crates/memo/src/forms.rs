//! The parse cache: written forms of texts, kept from one run to the next.
//!
//! The key of a form is a hash of the text and of everything else that the form depends on, the
//! program itself included, so a form that is found is right and nothing is ever invalidated. Forms
//! are kept in *packs* ([`crate::pack`]): files that are written under another name, then appear
//! whole, and never change. What a run parses anew becomes one pack; when there are many, some are
//! joined into one. Several processes need no lock for that: at worst a form is kept twice.
//!
//! A directory or pack that others could write to is not looked at, a pack that is not whole or
//! whose checksum is wrong is removed when the next one is written. Whatever goes wrong here costs
//! time and nothing else, so nobody is told.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use firn_eval::{Form, FormKey, Forms};
use firn_hash::{Algorithm, Hasher};
use firn_sys::file::{effective_ids, set_mtime, sibling_name};
use firn_sys::file_lock::{FileLock, LockKind};
use firn_sys::mapping::Mapping;

use crate::pack::{Pack, PackWriter};

/// Bytes that all packs together may take.
const MAX_BYTES: u64 = 256 << 20;
/// Packs of one program that are left side by side.
const MAX_PACKS: usize = 8;
/// How many of the smallest are joined when there are more.
const JOINED: usize = 6;
/// How old the time stamp of a pack in use may get before it is set anew.
const FRESH: Duration = Duration::from_hours(24);
/// How old a pack under construction must be to be somebody's leavings.
const ABANDONED: Duration = Duration::from_hours(1);
/// The end of the name of a pack.
const EXTENSION: &str = "pack";

/// A mapped pack and what became of it.
struct Open {
    path: PathBuf,
    pack: Pack<Mapping>,
    modified: SystemTime,
    is_used: AtomicBool,
    is_broken: AtomicBool,
}

/// The forms that are kept in a directory.
pub struct FormCache {
    directory: PathBuf,
    /// Names packs of this program.
    program: String,
    packs: OnceLock<Vec<Open>>,
    new: Mutex<New>,
}

/// The pack under construction.
enum New {
    /// Nothing was kept yet.
    None,
    Some(PackWriter, PathBuf),
    /// It cannot be written.
    Failed,
}

/// Whether only this user can have written something.
fn is_ours(metadata: &std::fs::Metadata) -> bool {
    metadata.uid() == effective_ids().0 && metadata.mode() & 0o022 == 0
}

impl FormCache {
    /// The cache in a directory, which need not exist. `program` tells this program from every
    /// other that keeps its forms there.
    pub fn new(directory: impl Into<PathBuf>, program: &str) -> Self {
        let program = Hasher::sha256(program.as_bytes()).to_nix32();
        Self {
            directory: directory.into(),
            program: program[..16].to_owned(),
            packs: OnceLock::new(),
            new: Mutex::new(New::None),
        }
    }

    fn lock(&self) -> MutexGuard<'_, New> {
        self.new.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the directory is there and nobody else's.
    fn may_use(&self) -> bool {
        let found = std::fs::symlink_metadata(&self.directory);
        found.is_ok_and(|it| it.is_dir() && is_ours(&it))
    }

    fn packs(&self) -> &[Open] {
        self.packs.get_or_init(|| {
            if !self.may_use() {
                return Vec::new();
            }
            let mut packs: Vec<Open> = names(&self.directory, EXTENSION)
                .into_iter()
                .filter(|name| name.starts_with(&self.program))
                .filter_map(|name| open(&self.directory.join(name)).ok().flatten())
                .collect();
            // What many texts are in is asked first.
            packs.sort_by_key(|it| std::cmp::Reverse(it.pack.len()));
            packs
        })
    }

    /// Makes what was kept since the beginning known to later runs.
    pub fn save(&self) {
        let written = std::mem::replace(&mut *self.lock(), New::Failed);
        let is_new = match written {
            New::Some(pack, temporary) => {
                let finished = self.finish(pack, &temporary);
                if finished.is_err() {
                    drop(std::fs::remove_file(temporary));
                }
                finished.is_ok()
            }
            _ => false,
        };
        let now = SystemTime::now();
        let mut is_broken = false;
        for open in self.packs.get().into_iter().flatten() {
            let age = now.duration_since(open.modified).unwrap_or_default();
            if open.is_used.load(Ordering::Relaxed) && age > FRESH {
                drop(touch(&open.path, now));
            }
            if open.is_broken.load(Ordering::Relaxed) {
                is_broken = true;
                drop(std::fs::remove_file(&open.path));
            }
        }
        if is_new || is_broken {
            drop(self.tidy(now));
        }
    }

    fn finish(&self, pack: PackWriter, temporary: &Path) -> io::Result<()> {
        pack.finish()?;
        std::fs::rename(temporary, self.fresh_name())
    }

    fn fresh_name(&self) -> PathBuf {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_nanos();
        let stem = self.directory.join(format!("{}-{now:x}", self.program));
        let mut name = sibling_name(&stem, "-").into_os_string();
        name.push(".");
        name.push(EXTENSION);
        name.into()
    }

    fn begin(&self) -> io::Result<(PackWriter, PathBuf)> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)?;
        if !self.may_use() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let path = sibling_name(&self.directory.join(&self.program), ".new-");
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600);
        Ok((PackWriter::new(file.open(&path)?)?, path))
    }

    /// Joins small packs and forgets the oldest ones.
    fn tidy(&self, now: SystemTime) -> io::Result<()> {
        let lock = self.directory.join("lock");
        let Some(_lock) = FileLock::try_acquire(&lock, LockKind::Exclusive)? else {
            return Ok(());
        };
        for entry in std::fs::read_dir(&self.directory)? {
            let entry = entry?;
            let is_new = entry.file_name().to_string_lossy().contains(".new-");
            let age = now.duration_since(entry.metadata()?.modified()?);
            if is_new && age.unwrap_or_default() > ABANDONED {
                std::fs::remove_file(entry.path())?;
            }
        }
        let mut own = Vec::new();
        for name in names(&self.directory, EXTENSION) {
            let path = self.directory.join(&name);
            match open(&path) {
                Ok(Some(open)) if name.starts_with(&self.program) => own.push(open),
                Ok(Some(_)) => {}
                Ok(None) => std::fs::remove_file(&path)?,
                Err(_) => {}
            }
        }
        if own.len() > MAX_PACKS {
            own.sort_by_key(|it| it.pack.n_bytes());
            own.truncate(JOINED);
            self.join(&own)?;
        }
        self.forget_oldest()
    }

    fn join(&self, packs: &[Open]) -> io::Result<()> {
        let (mut joined, temporary) = self.begin()?;
        let copied = packs.iter().try_for_each(|it| joined.copy(&it.pack));
        if let Err(error) = copied.and_then(|()| self.finish(joined, &temporary)) {
            drop(std::fs::remove_file(&temporary));
            return Err(error);
        }
        packs
            .iter()
            .try_for_each(|it| std::fs::remove_file(&it.path))
    }

    fn forget_oldest(&self) -> io::Result<()> {
        let mut packs = Vec::new();
        for name in names(&self.directory, EXTENSION) {
            let path = self.directory.join(name);
            let metadata = std::fs::symlink_metadata(&path)?;
            packs.push((metadata.modified()?, metadata.len(), path));
        }
        packs.sort();
        let mut total: u64 = packs.iter().map(|it| it.1).sum();
        for (_, len, path) in packs {
            if total <= MAX_BYTES {
                break;
            }
            std::fs::remove_file(path)?;
            total -= len;
        }
        Ok(())
    }
}

impl Drop for FormCache {
    fn drop(&mut self) {
        if let New::Some(_, temporary) = &*self.lock() {
            drop(std::fs::remove_file(temporary));
        }
    }
}

/// The names of the files with this extension; none if the directory cannot be read.
fn names(directory: &Path, extension: &str) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            Path::new(name)
                .extension()
                .is_some_and(|it| it == extension)
        })
        .collect();
    names.sort();
    names
}

/// Maps a pack; nothing if it is broken or not ours.
fn open(path: &Path) -> io::Result<Option<Open>> {
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags(firn_sys::file::NO_FOLLOW)
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || !is_ours(&metadata) {
        return Ok(None);
    }
    let mapping = Arc::new(Mapping::of(&file)?);
    Ok(Pack::read(mapping).map(|pack| Open {
        path: path.to_owned(),
        pack,
        modified: metadata.modified().unwrap_or(UNIX_EPOCH),
        is_used: AtomicBool::new(false),
        is_broken: AtomicBool::new(false),
    }))
}

fn touch(path: &Path, now: SystemTime) -> io::Result<()> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    set_mtime(path, now.as_secs() as i64)
}

impl Forms for FormCache {
    fn key(&self, environment: u64, text: &[u8]) -> FormKey {
        let mut hasher = Hasher::new(Algorithm::Blake3);
        hasher.update(&environment.to_le_bytes());
        hasher.update(text);
        let mut key = [0; 32];
        key.copy_from_slice(hasher.finish().digest());
        FormKey(key)
    }

    fn find(&self, key: &FormKey) -> Option<Form> {
        for open in self.packs() {
            let Some(entry) = open.pack.find(&key.0) else {
                continue;
            };
            if let Some(range) = open.pack.checked(entry) {
                open.is_used.store(true, Ordering::Relaxed);
                let bytes = Arc::clone(open.pack.bytes());
                return Some(Form { bytes, range });
            }
            open.is_broken.store(true, Ordering::Relaxed);
        }
        None
    }

    fn is_wrong(&self, form: &Form) {
        let is_it = |it: &&Open| it.pack.is_in((*form.bytes).as_ref());
        if let Some(open) = self.packs().iter().find(is_it) {
            open.is_broken.store(true, Ordering::Relaxed);
        }
    }

    fn keep(&self, key: &FormKey, form: &[u8]) {
        let mut new = self.lock();
        if matches!(*new, New::None) {
            *new = self
                .begin()
                .map_or(New::Failed, |(pack, path)| New::Some(pack, path));
        }
        if let New::Some(pack, path) = &mut *new
            && pack.add(key.0, form).is_err()
        {
            drop(std::fs::remove_file(path));
            *new = New::Failed;
        }
    }
}

#[cfg(test)]
mod tests;
