//! Advisory locks on whole files (`flock`), and the lock-file protocol of the field.
//!
//! A [`FileLock`] is an open lock file with a shared or exclusive lock that ends when the value is
//! dropped. A [`PathLock`] guards a path `P` by an exclusive lock on the file `P.lock`. Such a file
//! is removed when it is no longer needed, which races with others that wait for it: the remover
//! writes one byte into the file it unlinked, and whoever gets a lock on a file that is not empty
//! knows that the name no longer leads there and starts again. Every tool that shares a store with
//! us follows the same protocol, so these locks work between tools.
//!
//! Locks on several paths are always taken in sorted order, which rules out deadlock.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// How a file is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// Any number of holders at once.
    Shared,
    /// One holder.
    Exclusive,
}

impl LockKind {
    fn operation(self, wait: bool) -> FlockOperation {
        match (self, wait) {
            (LockKind::Shared, true) => FlockOperation::LockShared,
            (LockKind::Shared, false) => FlockOperation::NonBlockingLockShared,
            (LockKind::Exclusive, true) => FlockOperation::LockExclusive,
            (LockKind::Exclusive, false) => FlockOperation::NonBlockingLockExclusive,
        }
    }
}

/// Opens a file to lock, creating it (mode 0600) when it is absent.
pub fn open_lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

/// Locks an open file or directory, waiting as long as it takes. A lock held through the same
/// open file is converted.
pub fn lock_file(file: &File, kind: LockKind) -> io::Result<()> {
    loop {
        match flock(file, kind.operation(true)) {
            Ok(()) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Locks an open file or directory if that is possible at once; says whether it was.
pub fn try_lock_file(file: &File, kind: LockKind) -> io::Result<bool> {
    loop {
        match flock(file, kind.operation(false)) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Gives a lock back while keeping the file open.
pub fn unlock_file(file: &File) -> io::Result<()> {
    flock(file, FlockOperation::Unlock).map_err(Into::into)
}

/// An open lock file with its lock held.
#[derive(Debug)]
pub struct FileLock {
    file: File,
}

impl FileLock {
    /// Opens (or creates) the file and waits for the lock. `on_wait` runs once if it is not free.
    pub fn acquire(path: &Path, kind: LockKind, on_wait: impl FnOnce()) -> io::Result<Self> {
        let file = open_lock_file(path)?;
        if !try_lock_file(&file, kind)? {
            on_wait();
            lock_file(&file, kind)?;
        }
        Ok(Self { file })
    }

    /// Opens (or creates) the file and takes the lock if it is free.
    pub fn try_acquire(path: &Path, kind: LockKind) -> io::Result<Option<Self>> {
        let file = open_lock_file(path)?;
        Ok(try_lock_file(&file, kind)?.then_some(Self { file }))
    }

    /// The open file behind the lock.
    pub fn file(&self) -> &File {
        &self.file
    }
}

/// Exclusive locks on a set of paths, through the files `<path>.lock`.
#[derive(Debug, Default)]
pub struct PathLock {
    held: Vec<(File, PathBuf)>,
    remove: bool,
}

impl PathLock {
    /// Locks all the paths, in sorted order. `on_wait` runs each time a lock is not free.
    pub fn acquire(paths: &[&Path], mut on_wait: impl FnMut(&Path)) -> io::Result<Self> {
        let mut locks = Self::default();
        for path in sorted(paths) {
            let lock_path = lock_path_of(path);
            let file = take(&lock_path, |file| {
                if !try_lock_file(file, LockKind::Exclusive)? {
                    on_wait(path);
                    lock_file(file, LockKind::Exclusive)?;
                }
                Ok(true)
            })?;
            if let Some(file) = file {
                locks.held.push((file, lock_path));
            }
        }
        Ok(locks)
    }

    /// Locks all the paths if every one of them is free.
    pub fn try_acquire(paths: &[&Path]) -> io::Result<Option<Self>> {
        let mut locks = Self::default();
        for path in sorted(paths) {
            let lock_path = lock_path_of(path);
            match take(&lock_path, |file| try_lock_file(file, LockKind::Exclusive))? {
                Some(file) => locks.held.push((file, lock_path)),
                None => return Ok(None),
            }
        }
        Ok(Some(locks))
    }

    /// Removes the lock files when the locks end: right once the guarded paths are valid or gone.
    pub fn remove_on_release(&mut self) {
        self.remove = true;
    }
}

impl Drop for PathLock {
    fn drop(&mut self) {
        if !self.remove {
            return;
        }
        for (file, path) in &mut self.held {
            // The file is only litter when this fails, and the next holder removes it.
            if std::fs::remove_file(path).is_ok() {
                drop(file.write_all(b"d"));
            }
        }
    }
}

fn sorted<'a>(paths: &[&'a Path]) -> Vec<&'a Path> {
    let mut paths = paths.to_vec();
    paths.sort_unstable();
    paths.dedup();
    paths
}

fn lock_path_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// Opens and locks until the locked file is one that still has its name.
fn take(path: &Path, mut lock: impl FnMut(&File) -> io::Result<bool>) -> io::Result<Option<File>> {
    loop {
        let file = open_lock_file(path)?;
        if !lock(&file)? {
            return Ok(None);
        }
        if file.metadata()?.len() == 0 {
            return Ok(Some(file));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_lock_excludes_and_leaves_nothing() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("x");
        let mut lock = PathLock::acquire(&[&path], |_| {}).expect("the lock is free");
        assert!(PathLock::try_acquire(&[&path]).expect("no error").is_none());
        lock.remove_on_release();
        drop(lock);
        assert!(!dir.path().join("x.lock").exists());
        assert!(PathLock::try_acquire(&[&path]).expect("no error").is_some());
    }

    #[test]
    fn a_waiter_notices_that_the_lock_file_went_stale() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("x");
        let mut first = PathLock::acquire(&[&path], |_| {}).expect("the lock is free");
        first.remove_on_release();
        let (waiting, waits) = std::sync::mpsc::channel();
        let second = std::thread::spawn({
            let path = path.clone();
            move || {
                PathLock::acquire(&[&path], |_| waiting.send(()).expect("listening"))
                    .expect("acquired")
            }
        });
        waits.recv().expect("the second one waits");
        drop(first);
        let second = second.join().expect("no panic");
        // What the waiter holds now is the file that has the name.
        assert!(PathLock::try_acquire(&[&path]).expect("no error").is_none());
        drop(second);
        assert!(PathLock::try_acquire(&[&path]).expect("no error").is_some());
    }

    #[test]
    fn shared_locks_agree_and_exclude_an_exclusive_one() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("gc.lock");
        let one = FileLock::acquire(&path, LockKind::Shared, || {}).expect("free");
        let two = FileLock::try_acquire(&path, LockKind::Shared).expect("no error");
        assert!(two.is_some());
        assert!(
            FileLock::try_acquire(&path, LockKind::Exclusive)
                .expect("no error")
                .is_none()
        );
        drop((one, two));
        assert!(
            FileLock::try_acquire(&path, LockKind::Exclusive)
                .expect("no error")
                .is_some()
        );
    }
}
