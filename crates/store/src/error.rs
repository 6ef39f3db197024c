//! The one error type of the crate.
//!
//! Variants exist where a caller decides by kind: an absent path, a path in use, a hash mismatch,
//! an untrusted path. Everything that went wrong while talking to the system carries what was
//! being done and to which path. The wording of messages that users know from the field is kept.

use std::fmt;
use std::io;
use std::path::Path;

/// Why a store operation failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The path is not in the store.
    InvalidPath {
        /// The full path.
        path: String,
    },
    /// The path is neither valid nor to be had from a substituter.
    Unobtainable {
        /// The full path.
        path: String,
    },
    /// A cache describes the path and has lost its archive.
    Gone {
        /// The file that is missing.
        file: String,
        /// The address of the cache.
        cache: String,
    },
    /// The path has referrers and cannot go.
    PathInUse {
        /// The full path.
        path: String,
        /// Full paths of its referrers.
        referrers: Vec<String>,
    },
    /// The path is reachable from a root and cannot go.
    StillAlive {
        /// The full path.
        path: String,
    },
    /// Contents do not have the hash they were said to have.
    HashMismatch {
        /// The full path.
        path: String,
        /// What was said.
        specified: String,
        /// What was found.
        got: String,
        /// Whether the content address (rather than the archive hash) is wrong.
        content_address: bool,
    },
    /// Contents do not have the size they were said to have.
    SizeMismatch {
        /// The full path.
        path: String,
        /// What was said.
        specified: u64,
        /// What was found.
        got: u64,
    },
    /// No trusted key signed the path.
    Untrusted {
        /// The full path.
        path: String,
    },
    /// No trusted key signed the realisation.
    UntrustedRealisation {
        /// Its output path.
        path: String,
    },
    /// Another realisation of the same output is registered.
    ConflictingRealisation {
        /// The derivation output.
        id: String,
        /// The path that is registered.
        local: String,
        /// The path that was offered.
        remote: String,
    },
    /// Paths to be registered refer to each other in a circle.
    Cycle {
        /// A path on the circle.
        path: String,
        /// The path that refers to it.
        parent: String,
    },
    /// A file is a device, socket or pipe.
    UnsupportedFile {
        /// The file.
        path: String,
    },
    /// A file in a build's output belongs to someone else.
    InvalidOwnership {
        /// The file.
        path: String,
    },
    /// The store cannot do this at all.
    Unsupported {
        /// What was asked for, as a gerund phrase.
        operation: &'static str,
        /// The store.
        store: String,
    },
    /// The store was opened for reading only.
    ReadOnly {
        /// What was asked for, as a gerund phrase.
        operation: &'static str,
    },
    /// The database is of a kind this program does not know.
    Schema {
        /// The whole message.
        message: String,
    },
    /// The database refused or is damaged.
    Database {
        /// What was being done.
        operation: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// Bytes that should be in one of the field's formats are not.
    Format {
        /// The whole message.
        message: String,
    },
    /// The operating system refused.
    Io {
        /// What was being done, as a gerund.
        operation: &'static str,
        /// To what.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// A build failed; raised by stores that can build.
    Build {
        /// The whole message.
        message: String,
        /// The exit status the front end should end with.
        exit_status: u8,
    },
    /// Anything that has a complete message of its own: a remote store's answer, a caller's
    /// interruption.
    Other {
        /// The whole message.
        message: String,
    },
}

impl StoreError {
    /// An error that is nothing but its message.
    pub fn other(message: impl Into<String>) -> Self {
        Self::Other {
            message: message.into(),
        }
    }

    /// An error about bytes in a wrong format.
    pub fn format(error: impl fmt::Display) -> Self {
        Self::Format {
            message: error.to_string(),
        }
    }

    /// Whether this says that a path is not in the store.
    pub fn is_invalid_path(&self) -> bool {
        matches!(self, Self::InvalidPath { .. })
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidPath { path } => write!(f, "path '{path}' is not valid"),
            Self::Unobtainable { path } => {
                write!(f, "path '{path}' does not exist and cannot be created")
            }
            Self::Gone { file, cache } => {
                write!(f, "file '{file}' does not exist in binary cache '{cache}'")
            }
            Self::PathInUse { path, referrers } => {
                write!(f, "cannot delete path '{path}' because it is in use by ")?;
                for (idx, referrer) in referrers.iter().enumerate() {
                    let separator = if idx == 0 { "" } else { ", " };
                    write!(f, "{separator}'{referrer}'")?;
                }
                Ok(())
            }
            Self::StillAlive { path } => write!(
                f,
                "Cannot delete path '{path}' since it is still alive. To find out why, use: \
                 nix-store --query --roots and nix-store --query --referrers"
            ),
            Self::HashMismatch {
                path,
                specified,
                got,
                content_address,
            } => {
                let kind = if *content_address { "ca hash" } else { "hash" };
                write!(
                    f,
                    "{kind} mismatch importing path '{path}';\n  specified: {specified}\n  got:       {got}"
                )
            }
            Self::SizeMismatch {
                path,
                specified,
                got,
            } => write!(
                f,
                "size mismatch importing path '{path}';\n  specified: {specified}\n  got:       {got}"
            ),
            Self::Untrusted { path } => {
                write!(
                    f,
                    "cannot add path '{path}' because it lacks a signature by a trusted key"
                )
            }
            Self::UntrustedRealisation { path } => write!(
                f,
                "cannot register realisation '{path}' because it lacks a signature by a trusted key"
            ),
            Self::ConflictingRealisation { id, local, remote } => write!(
                f,
                "Trying to register a realisation of '{id}', but we already have another one \
                 locally.\nLocal:  {local}\nRemote: {remote}"
            ),
            Self::Cycle { path, parent } => {
                write!(
                    f,
                    "cycle detected in the references of '{path}' from '{parent}'"
                )
            }
            Self::UnsupportedFile { path } => write!(f, "file '{path}' has an unsupported type"),
            Self::InvalidOwnership { path } => write!(f, "invalid ownership on file '{path}'"),
            Self::Unsupported { operation, store } => {
                write!(f, "{operation} is not supported by store '{store}'")
            }
            Self::ReadOnly { operation } => {
                write!(
                    f,
                    "{operation} is not possible in a store that is opened read-only: attempt to \
                     write a readonly database"
                )
            }
            Self::Schema { message }
            | Self::Format { message }
            | Self::Build { message, .. }
            | Self::Other { message } => f.write_str(message),
            Self::Database { operation, source } => {
                write!(f, "{operation}: {source}{}", advice_on(source))
            }
            Self::Io {
                operation,
                path,
                source,
            } => {
                write!(f, "{operation} '{path}': {}", system_message(source))
            }
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Database { source, .. } => Some(source),
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// What to do where the database itself is what fails.
fn advice_on(error: &rusqlite::Error) -> &'static str {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "\nThe database of the store is damaged; the paths in the store are not. Stop everything that uses \
             the store and keep copies of 'db.sqlite', 'db.sqlite-wal' and 'db.sqlite-shm'. Then get back what can \
             be read with 'sqlite3 db.sqlite .recover', or move the files away and load what 'nix-store --dump-db' \
             wrote earlier with 'nix-store --load-db'; afterwards run 'nix-store --verify --check-contents'."
        }
        Some(ErrorCode::DiskFull) => {
            "\nThe disk is full; nothing was registered. Free some space and try again."
        }
        _ => "",
    }
}

/// The system's words without the number that the standard library appends.
fn system_message(error: &io::Error) -> String {
    let message = error.to_string();
    match message.rfind(" (os error ") {
        Some(end) => message[..end].to_owned(),
        None => message,
    }
}

/// An error about something that happened to a path.
pub(crate) fn io_error(
    operation: &'static str,
    path: impl Into<String>,
    source: io::Error,
) -> StoreError {
    StoreError::Io {
        operation,
        path: path.into(),
        source,
    }
}

/// For `map_err`: an error about something that happened to a path.
pub(crate) fn path_error<'a>(
    operation: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> StoreError + use<'a> {
    move |source| io_error(operation, path.to_string_lossy(), source)
}

/// For `map_err`: an error from the database.
pub(crate) fn db_error(operation: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |source| StoreError::Database { operation, source }
}
