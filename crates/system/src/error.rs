//! What goes wrong with systems, with the place that it went wrong at.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// An error of this crate.
#[derive(Debug)]
#[non_exhaustive]
pub enum SystemError {
    /// The operating system refused something.
    Io {
        /// What was being done, as in "reading".
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// A file is not what it should be.
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A program could not be run, or failed.
    Program {
        /// The program, with what it was asked to do.
        command: String,
        /// What came of it.
        reason: String,
    },
    /// The store said no.
    Store(firn_store::StoreError),
    /// Something else, said in full.
    Other(String),
}

impl SystemError {
    /// An error that says everything itself.
    pub fn other(text: impl Into<String>) -> Self {
        Self::Other(text.into())
    }

    /// A file that is not what it should be.
    pub fn malformed(path: &Path, reason: impl fmt::Display) -> Self {
        Self::Malformed {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// Turns an error of the operating system into one of ours.
pub(crate) fn io_error(
    doing: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> SystemError + use<> {
    let path = path.to_owned();
    move |error| SystemError::Io { doing, path, error }
}

impl fmt::Display for SystemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, error } => write!(f, "{doing} '{}': {error}", path.display()),
            Self::Malformed { path, reason } => write!(f, "'{}': {reason}", path.display()),
            Self::Program { command, reason } => write!(f, "'{command}' {reason}"),
            Self::Store(error) => error.fmt(f),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for SystemError {}

impl From<firn_store::StoreError> for SystemError {
    fn from(error: firn_store::StoreError) -> Self {
        Self::Store(error)
    }
}
