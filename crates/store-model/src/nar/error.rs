//! What can be wrong with an archive, in the reference's words where it has any.

use std::fmt;
use std::io;

use super::NAR_MAX_DEPTH;

/// An error while reading or writing an archive.
#[derive(Debug)]
#[non_exhaustive]
pub enum NarError {
    /// Reading or writing itself failed.
    Io(io::Error),
    /// The input ends inside the archive.
    Truncated,
    /// The input does not begin like an archive.
    NotAnArchive,
    /// Another tag was expected.
    UnexpectedTag {
        /// What was expected, with quotes.
        expected: &'static str,
        /// What was found.
        found: Vec<u8>,
    },
    /// A string is longer than its place allows.
    StringTooLong,
    /// The bytes after a string are not zero.
    NonZeroPadding,
    /// The marker of executable files has a value.
    ExecutableMarker,
    /// No node has this type.
    UnknownType(Vec<u8>),
    /// A name that no directory entry may have.
    InvalidName(Vec<u8>),
    /// Names that do not ascend.
    NotSorted,
    /// A link target that no link may have.
    InvalidTarget,
    /// Nested too deep.
    TooDeep,
    /// A sink was given pieces that make no tree.
    Misuse(&'static str),
}

impl fmt::Display for NarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lossy = String::from_utf8_lossy;
        match self {
            NarError::Io(error) => error.fmt(f),
            NarError::Truncated => f.write_str("unexpected end-of-file"),
            NarError::NotAnArchive => {
                f.write_str("bad archive: input doesn't look like a Nix archive")
            }
            NarError::UnexpectedTag { expected, found } => {
                write!(
                    f,
                    "bad archive: expected tag {expected}, got '{}'",
                    lossy(found)
                )
            }
            NarError::StringTooLong => f.write_str("string is too long"),
            NarError::NonZeroPadding => f.write_str("non-zero padding"),
            NarError::ExecutableMarker => {
                f.write_str("bad archive: executable marker has non-empty value")
            }
            NarError::UnknownType(found) => {
                write!(f, "bad archive: unknown file type '{}'", lossy(found))
            }
            NarError::InvalidName(name) => {
                write!(
                    f,
                    "bad archive: NAR contains invalid file name '{}'",
                    lossy(name)
                )
            }
            NarError::NotSorted => f.write_str("bad archive: NAR directory is not sorted"),
            NarError::InvalidTarget => {
                f.write_str("bad archive: NAR contains invalid symlink target")
            }
            NarError::TooDeep => {
                write!(
                    f,
                    "bad archive: NAR directory nesting exceeds maximum depth of {NAR_MAX_DEPTH}"
                )
            }
            NarError::Misuse(what) => write!(f, "archive written out of order: {what}"),
        }
    }
}

impl std::error::Error for NarError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            NarError::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for NarError {
    fn from(error: io::Error) -> NarError {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            NarError::Truncated
        } else {
            NarError::Io(error)
        }
    }
}

impl From<NarError> for io::Error {
    fn from(error: NarError) -> io::Error {
        match error {
            NarError::Io(error) => error,
            NarError::Truncated => {
                io::Error::new(io::ErrorKind::UnexpectedEof, NarError::Truncated)
            }
            error => io::Error::new(io::ErrorKind::InvalidData, error),
        }
    }
}
