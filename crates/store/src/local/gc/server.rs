//! The collector's ear: a socket to which other processes send the paths that they are about to
//! use while a collection runs.
//!
//! Each line is a full store path; the answer is the byte `1`. Only the hash part counts, so that
//! the names of locks and temporary files beside a path are covered by its root. The answer waits
//! while that path is being deleted: the sender would otherwise create what is about to vanish.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use firn_store_model::StoreDir;
use firn_sys::file::set_mode;

use crate::error::{StoreError, path_error};

/// What the collector and its ear share; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    deleted: Condvar,
}

#[derive(Default)]
struct State {
    /// Hash parts of temporary roots.
    temp_roots: HashSet<String>,
    /// Those that the collector has not taken notice of.
    new: Vec<String>,
    /// Hash parts of what is being deleted.
    pending: HashSet<String>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add_temp_root(&self, hash_part: &str) {
        let mut state = self.lock();
        state.temp_roots.insert(hash_part.to_owned());
        state.new.push(hash_part.to_owned());
    }

    pub(super) fn is_temp_root(&self, hash_part: &str) -> bool {
        self.lock().temp_roots.contains(hash_part)
    }

    pub(super) fn take_new(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().new)
    }

    /// Claims hash parts for deletion, unless a root arrived that nobody has taken notice of.
    pub(super) fn try_claim(&self, hash_parts: impl IntoIterator<Item = String>) -> bool {
        let mut state = self.lock();
        if !state.new.is_empty() {
            return false;
        }
        state.pending.extend(hash_parts);
        true
    }

    /// Deletion is over.
    pub(super) fn release(&self) {
        self.lock().pending.clear();
        self.0.deleted.notify_all();
    }

    fn receive(&self, hash_part: &str) {
        self.add_temp_root(hash_part);
        let mut state = self.lock();
        while state.pending.contains(hash_part) {
            state = self
                .0
                .deleted
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The running server.
pub(super) struct RootServer {
    socket_path: PathBuf,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    shared: Shared,
}

impl RootServer {
    pub(super) fn start(
        state_dir: &Path,
        store_dir: &StoreDir,
        shared: &Shared,
    ) -> Result<Self, StoreError> {
        let directory = state_dir.join("gc-socket");
        std::fs::create_dir_all(&directory)
            .map_err(path_error("creating directory", &directory))?;
        let socket_path = directory.join("socket");
        drop(std::fs::remove_file(&socket_path));
        let listener = bind(&socket_path).map_err(path_error("binding to socket", &socket_path))?;
        set_mode(&socket_path, 0o666).map_err(path_error("changing mode of", &socket_path))?;
        let stopping = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (stopping, shared, store_dir) =
                (Arc::clone(&stopping), shared.clone(), store_dir.clone());
            move || listen(&listener, &stopping, &shared, &store_dir)
        });
        Ok(Self {
            socket_path,
            stopping,
            thread: Some(thread),
            shared: shared.clone(),
        })
    }
}

/// Ends all conversations. Processes in the middle of one try again, and find the lock free.
impl Drop for RootServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.shared.release();
        // Wakes the listener up.
        drop(connect(&self.socket_path));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Socket addresses are short; a long path is reached through a short name for its directory.
fn bind(path: &Path) -> std::io::Result<UnixListener> {
    through_directory(path, |path| UnixListener::bind(path))
}

/// Connects to a socket whose path may be longer than an address can be.
pub(in crate::local) fn connect(path: &Path) -> std::io::Result<UnixStream> {
    through_directory(path, |path| UnixStream::connect(path))
}

fn through_directory<T>(
    path: &Path,
    act: impl Fn(&Path) -> std::io::Result<T>,
) -> std::io::Result<T> {
    use std::os::fd::AsRawFd as _;
    if path.as_os_str().len() < 100 {
        return act(path);
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return act(path);
    };
    let directory = std::fs::File::open(parent)?;
    act(&PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name))
}

fn listen(listener: &UnixListener, stopping: &AtomicBool, shared: &Shared, store_dir: &StoreDir) {
    let mut clients: Vec<(UnixStream, JoinHandle<()>)> = Vec::new();
    for stream in listener.incoming() {
        if stopping.load(Ordering::SeqCst) {
            break;
        }
        let Ok(stream) = stream else { continue };
        let Ok(handle) = stream.try_clone() else {
            continue;
        };
        let (shared, store_dir) = (shared.clone(), store_dir.clone());
        let thread = std::thread::spawn(move || converse(stream, &shared, &store_dir));
        clients.push((handle, thread));
        clients.retain(|(_, thread)| !thread.is_finished());
    }
    for (stream, thread) in clients {
        drop(stream.shutdown(std::net::Shutdown::Both));
        drop(thread.join());
    }
}

fn converse(stream: UnixStream, shared: &Shared, store_dir: &StoreDir) {
    let Ok(mut writer) = stream.try_clone() else {
        return;
    };
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.read_until(b'\n', &mut line) {
            Ok(n) if n > 0 && line.ends_with(b"\n") => {}
            _ => return,
        }
        line.pop();
        // Garbage is acknowledged too, as it does no harm to anyone else.
        if let Ok(path) = store_dir.parse(&line) {
            shared.receive(path.hash_part());
        }
        if writer.write_all(b"1").is_err() {
            return;
        }
    }
}
