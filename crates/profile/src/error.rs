//! What goes wrong with profiles: in an evaluation, in a store, or otherwise.

use std::fmt;
use std::path::{Path, PathBuf};

use firn_eval::Fail;
use firn_store::StoreError;

/// An error of this crate.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProfileError {
    /// Evaluation failed; the error waits in the evaluator.
    Evaluation(Fail),
    /// The store said no.
    Store(StoreError),
    /// Two packages have the same file, with the same priority.
    Conflict(firn_build::FileConflict),
    /// The operating system refused something.
    Io {
        /// What was being done, as in "reading".
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What it said.
        error: std::io::Error,
    },
    /// Something else, said in full.
    Other(String),
}

impl ProfileError {
    /// An error that says everything itself.
    pub fn other(text: impl Into<String>) -> Self {
        Self::Other(text.into())
    }
}

/// Turns an error of the operating system into one of ours.
pub(crate) fn io_error(
    doing: &'static str,
    path: &Path,
) -> impl FnOnce(std::io::Error) -> ProfileError + use<> {
    let path = path.to_owned();
    move |error| ProfileError::Io { doing, path, error }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evaluation(_) => f.write_str("evaluation failed"),
            Self::Store(error) => error.fmt(f),
            Self::Conflict(conflict) => conflict.fmt(f),
            Self::Io { doing, path, error } => {
                write!(f, "{doing} '{}': {error}", path.display())
            }
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for ProfileError {}

impl From<Fail> for ProfileError {
    fn from(fail: Fail) -> Self {
        Self::Evaluation(fail)
    }
}

impl From<StoreError> for ProfileError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
