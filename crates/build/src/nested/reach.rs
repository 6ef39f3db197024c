//! What a build may see of the store: the closure of its inputs, and what it has added or built.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firn_store::{LocalStore, StoreError};
use firn_store_model::{DrvOutput, StorePath};

use crate::goal::GoalKey;
use crate::scheduler::{Message, wake_up};

/// The paths within reach of a running build.
pub struct Reach {
    store: Arc<LocalStore>,
    inputs: BTreeSet<StorePath>,
    added: Mutex<Added>,
    /// The way into its sandbox; without one it sees the store as it is.
    window: Option<Window>,
}

#[derive(Default)]
struct Added {
    paths: BTreeSet<StorePath>,
    outputs: BTreeSet<DrvOutput>,
}

/// The way into the sandbox of a running build.
pub(crate) struct Window {
    pub(crate) key: GoalKey,
    /// Where the build writes its outputs: nothing may be shown in their place.
    pub(crate) outputs: BTreeSet<StorePath>,
    /// The sandbox's store directory on this machine.
    pub(crate) store_inside: PathBuf,
    pub(crate) sender: Sender<Message>,
    pub(crate) wake: Arc<OwnedFd>,
}

impl Reach {
    pub(crate) fn new(
        store: Arc<LocalStore>,
        inputs: BTreeSet<StorePath>,
        window: Option<Window>,
    ) -> Reach {
        Reach {
            store,
            inputs,
            added: Mutex::default(),
            window,
        }
    }

    /// Whether a path may be seen.
    pub fn has(&self, path: &StorePath) -> bool {
        self.inputs.contains(path) || self.added().paths.contains(path)
    }

    /// Whether the build may know what an output was realised to.
    pub fn has_output(&self, id: &DrvOutput) -> bool {
        self.added().outputs.contains(id)
    }

    /// All paths that may be seen.
    pub fn paths(&self) -> BTreeSet<StorePath> {
        let added = self.added();
        self.inputs.union(&added.paths).cloned().collect()
    }

    /// Brings a valid path into reach; it appears in the sandbox.
    pub(crate) fn add(&self, path: &StorePath) -> Result<(), StoreError> {
        if self.inputs.contains(path) {
            return Ok(());
        }
        // Held until the path is there, so that nobody is told of it before.
        let mut added = self.added();
        if added.paths.contains(path) {
            return Ok(());
        }
        if let Some(window) = &self.window {
            window.show(&self.store, path).map_err(|error| {
                StoreError::other(format!(
                    "cannot show path '{}' to the build: {error}",
                    self.store.location().store_dir.print(path)
                ))
            })?;
        }
        added.paths.insert(path.clone());
        Ok(())
    }

    /// Lets the build know what an output was realised to.
    pub(crate) fn add_output(&self, id: DrvOutput) {
        self.added().outputs.insert(id);
    }

    fn added(&self) -> MutexGuard<'_, Added> {
        self.added.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    fn show(&self, store: &LocalStore, path: &StorePath) -> std::io::Result<()> {
        if self.outputs.contains(path) {
            return Err(std::io::Error::other("it is an output of the build itself"));
        }
        let source = store.location().physical_path(path);
        let place = self.store_inside.join(path.as_str());
        let metadata = source.symlink_metadata()?;
        if metadata.is_symlink() {
            // Links cannot be mounted.
            return std::os::unix::fs::symlink(std::fs::read_link(&source)?, &place);
        }
        if metadata.is_dir() {
            std::fs::create_dir(&place)?;
        } else {
            std::fs::File::create_new(&place)?;
        }
        let (reply, answer) = channel();
        let request = Message::Show {
            key: self.key.clone(),
            source: source.as_os_str().as_bytes().to_vec(),
            target: store.location().store_dir.print(path).into_bytes(),
            reply,
        };
        let is_over = || std::io::Error::other("the build is over");
        self.sender.send(request).map_err(|_| is_over())?;
        wake_up(&self.wake);
        let shown = answer.recv().map_err(|_| is_over())?;
        shown.map_err(std::io::Error::other)
    }
}
