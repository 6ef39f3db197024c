//! Where results are kept: one file for each thing that was asked, named by its key.
//!
//! A file that cannot be read, of another version or cut short, is no answer; a file is replaced
//! in one step. Losing all of them costs nothing but time.

use std::io;
use std::path::{Path, PathBuf};

use firn_hash::Hasher;
use serde::{Deserialize, Serialize};

use crate::trace::Trace;

/// How many results are kept.
const MAX_ENTRIES: usize = 1000;

/// A result and what it depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it depends on.
    pub trace: Trace,
    /// The result.
    pub result: Vec<u8>,
}

/// The results that are remembered, in a directory.
#[derive(Clone, Debug)]
pub struct Memory {
    directory: PathBuf,
}

/// The key of what is asked: everything that is not in the trace and that the result depends on.
pub fn key<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut text = Vec::new();
    for part in parts {
        text.extend_from_slice(&(part.len() as u64).to_le_bytes());
        text.extend_from_slice(part);
    }
    Hasher::sha256(&text).to_nix32()
}

impl Memory {
    /// The memory in a directory, which need not exist.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    fn place(&self, key: &str) -> PathBuf {
        self.directory.join(key)
    }

    /// What is remembered under a key. Whether it still holds is for the trace to say.
    pub fn recall(&self, key: &str) -> Option<Entry> {
        let contents = std::fs::read(self.place(key)).ok()?;
        let (checksum, contents) = contents.split_at_checked(32)?;
        if Hasher::sha256(contents).digest() != checksum {
            return None;
        }
        postcard::from_bytes(contents).ok()
    }

    /// Remembers a result.
    pub fn keep(&self, key: &str, entry: &Entry) -> io::Result<()> {
        std::fs::create_dir_all(&self.directory)?;
        let contents = postcard::to_allocvec(entry).map_err(io::Error::other)?;
        let mut file = Hasher::sha256(&contents).digest().to_vec();
        file.extend_from_slice(&contents);
        let temporary = self.place(&format!(".{key}.{}", std::process::id()));
        std::fs::write(&temporary, file)?;
        let placed = std::fs::rename(&temporary, self.place(key));
        if placed.is_err() {
            std::fs::remove_file(&temporary)?;
        }
        placed?;
        self.forget_oldest()
    }

    /// Forgets the oldest results when there are too many.
    fn forget_oldest(&self) -> io::Result<()> {
        let entries: Vec<_> = std::fs::read_dir(&self.directory)?.flatten().collect();
        if entries.len() <= MAX_ENTRIES {
            return Ok(());
        }
        let mut by_age: Vec<_> = entries
            .into_iter()
            .filter_map(|it| Some((it.metadata().ok()?.modified().ok()?, it.path())))
            .collect();
        by_age.sort();
        for (_, path) in by_age.iter().take(MAX_ENTRIES / 10) {
            remove(path)?;
        }
        Ok(())
    }
}

/// Removes a file that another process may have removed already.
fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
