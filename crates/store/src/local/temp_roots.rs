//! Temporary roots: what this process keeps from being collected while it lives.
//!
//! Each process has a file `temproots/<pid>`, locked exclusively, that lists full store paths, each
//! ended by a zero byte. A collector reads the files once, when it begins, and holds the lock
//! `gc.lock` exclusively while it runs; so after writing, a process tries that lock shared, and
//! where it is taken, sends each path to the collector's socket (a line; it answers `1`, and only
//! after it has finished deleting that path). A file that can be locked belongs to a process that
//! is gone; the collector marks it with the byte `d` and unlinks it.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use firn_store_model::{StoreDir, StorePath};
use firn_sys::file_lock::{LockKind, lock_file, open_lock_file, try_lock_file, unlock_file};

use crate::error::{StoreError, path_error};
use crate::fault;

/// The temporary roots of this process in one store.
pub(super) struct TempRoots {
    path: PathBuf,
    gc_lock_path: PathBuf,
    socket_path: PathBuf,
    store_dir: StoreDir,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    file: Option<File>,
    gc_lock: Option<File>,
    socket: Option<BufReader<UnixStream>>,
    /// What the file lists already.
    known: HashSet<StorePath>,
}

impl TempRoots {
    /// The one set of roots that this process has in a store, however often it opens the store:
    /// the file is named after the process.
    pub(super) fn shared(state_dir: &Path, store_dir: &StoreDir) -> Arc<Self> {
        static ALL: Mutex<Vec<Weak<TempRoots>>> = Mutex::new(Vec::new());
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|roots| roots.strong_count() > 0);
        let new = Self::new(state_dir, store_dir.clone());
        let mut known = all.iter().filter_map(Weak::upgrade);
        if let Some(roots) = known.find(|roots| roots.path == new.path) {
            return roots;
        }
        let new = Arc::new(new);
        all.push(Arc::downgrade(&new));
        new
    }

    fn new(state_dir: &Path, store_dir: StoreDir) -> Self {
        Self {
            path: state_dir
                .join("temproots")
                .join(std::process::id().to_string()),
            gc_lock_path: state_dir.join("gc.lock"),
            socket_path: state_dir.join("gc-socket/socket"),
            store_dir,
            state: Mutex::default(),
        }
    }

    /// Makes paths temporary roots. On return no collector will delete them, and none is deleting
    /// them.
    pub(super) fn add(&self, paths: &[StorePath]) -> Result<(), StoreError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State {
            file,
            gc_lock,
            socket,
            known,
        } = &mut *state;
        let new: Vec<&StorePath> = paths.iter().filter(|path| !known.contains(*path)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let file = match file {
            Some(file) => file,
            None => file.insert(self.create()?),
        };
        let gc_lock = match gc_lock {
            Some(gc_lock) => gc_lock,
            None => gc_lock.insert(
                open_lock_file(&self.gc_lock_path)
                    .map_err(path_error("opening lock file", &self.gc_lock_path))?,
            ),
        };
        let mut text = Vec::new();
        for path in &new {
            self.store_dir.print_to(path, &mut text);
            text.push(0);
        }
        // Written first: a collector that begins after the question below finds the roots in the
        // file, and one that runs at that moment is told. The other way round, one collector
        // could be told and end, and the next one begin before the file is written.
        write_roots(file, &text).map_err(path_error("writing to", &self.path))?;
        loop {
            let locked = try_lock_file(gc_lock, LockKind::Shared)
                .map_err(path_error("locking", &self.gc_lock_path))?;
            if locked {
                // No collector runs.
                unlock_file(gc_lock).map_err(path_error("unlocking", &self.gc_lock_path))?;
                break;
            }
            match self.announce(socket, &new) {
                Ok(()) => break,
                // The collector ended, or does not listen yet.
                Err(error) if is_gone(&error) => {
                    *socket = None;
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) => return Err(path_error("talking to", &self.socket_path)(error)),
            }
        }
        for path in new {
            known.insert(path.clone());
        }
        Ok(())
    }

    /// Tells a running collector.
    fn announce(
        &self,
        socket: &mut Option<BufReader<UnixStream>>,
        paths: &[&StorePath],
    ) -> io::Result<()> {
        let stream = if let Some(stream) = socket {
            stream
        } else {
            let stream = super::gc::connect(&self.socket_path)?;
            socket.insert(BufReader::new(stream))
        };
        for path in paths {
            let mut line = Vec::new();
            self.store_dir.print_to(path, &mut line);
            line.push(b'\n');
            let mut answer = [0];
            stream.get_mut().write_all(&line)?;
            stream.read_exact(&mut answer)?;
        }
        Ok(())
    }

    fn create(&self) -> Result<File, StoreError> {
        loop {
            // A file of this name is stale: no two processes have the same number at once.
            match std::fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(path_error("removing", &self.path)(error));
                }
                _ => {}
            }
            fault::point("temp roots: create");
            let file =
                open_lock_file(&self.path).map_err(path_error("opening lock file", &self.path))?;
            lock_file(&file, LockKind::Exclusive).map_err(path_error("locking", &self.path))?;
            // A collector may have taken it for stale before it was locked.
            if file
                .metadata()
                .map_err(path_error("getting status of", &self.path))?
                .len()
                == 0
            {
                return Ok(file);
            }
        }
    }
}

impl Drop for TempRoots {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if state.file.take().is_some() {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

fn write_roots(mut file: &File, text: &[u8]) -> io::Result<()> {
    fault::point("temp roots: write");
    file.write_all(text)
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::UnexpectedEof
    )
}
