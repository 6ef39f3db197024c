//! The table of sources that one process has read.
//!
//! A file is registered once, gets a [`FileId`] and keeps its bytes for as long as the table lives,
//! so that a diagnostic can always quote the line it speaks of. The table is append-only and may be
//! shared by many threads.

use std::sync::{Arc, OnceLock, RwLock};

use crate::{LineIndex, SourcePath};

/// Names one registered source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// Where a source came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileOrigin {
    /// A file in some root.
    Path(SourcePath),
    /// Text given on the command line or typed at a prompt.
    String,
    /// Text read from standard input.
    Stdin,
    /// Text that is part of the program; the name is shown to users.
    Internal(&'static str),
}

/// One registered source.
#[derive(Debug)]
pub struct File {
    /// Where it came from.
    pub origin: FileOrigin,
    /// What its user calls it, if that is not the path where it was read.
    pub shown: Option<String>,
    bytes: Arc<[u8]>,
    lines: OnceLock<LineIndex>,
}

impl File {
    /// The source text, which need not be UTF-8.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// The line index, computed on first use.
    pub fn lines(&self) -> &LineIndex {
        self.lines.get_or_init(|| LineIndex::new(&self.bytes))
    }
}

/// All sources of one process; cheap to share.
#[derive(Debug, Default)]
pub struct FileTable {
    files: RwLock<Vec<Arc<File>>>,
}

impl FileTable {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a source.
    ///
    /// # Panics
    /// If the text is 4 GiB or larger; whoever reads files refuses such a text before.
    pub fn add(&self, origin: FileOrigin, bytes: Arc<[u8]>) -> FileId {
        self.add_shown(origin, None, bytes)
    }

    /// Registers a source that its user calls by another name than its path.
    ///
    /// # Panics
    /// If the text is 4 GiB or larger; whoever reads files refuses such a text before.
    pub fn add_shown(&self, origin: FileOrigin, shown: Option<String>, bytes: Arc<[u8]>) -> FileId {
        assert!(
            u32::try_from(bytes.len()).is_ok(),
            "sources are below 4 GiB"
        );
        let file = Arc::new(File {
            origin,
            shown,
            bytes,
            lines: OnceLock::new(),
        });
        let mut files = self
            .files
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let id = FileId(u32::try_from(files.len()).expect("fewer than 2^32 sources"));
        files.push(file);
        id
    }

    /// All sources so far, in the order of registration.
    pub fn all(&self) -> Vec<Arc<File>> {
        let files = self.files.read();
        files
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// The source with this id.
    ///
    /// # Panics
    /// If the id was handed out by another table.
    pub fn file(&self, id: FileId) -> Arc<File> {
        let files = self
            .files
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(&files[id.0 as usize])
    }
}
