//! What can be wrong with the text of a hash. The words are those of the reference.

use std::fmt;

use crate::Algorithm;

/// An error in a hash, its encoding, or the name of an algorithm or format.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashError {
    /// The name before the colon or dash is no known algorithm.
    UnknownAlgorithm(String),
    /// The name is no known text format.
    UnknownFormat(String),
    /// A character outside the alphabet of the named encoding.
    InvalidCharacter {
        /// The encoding as messages call it.
        encoding: &'static str,
        /// The offending byte.
        byte: u8,
    },
    /// A base-16 text of odd length.
    OddLength,
    /// The text has the length of none of the encodings.
    WrongLength {
        /// The digest as written.
        hash: String,
        /// What it should have been a digest of.
        algorithm: Algorithm,
    },
    /// The text decodes to a different number of bytes (0 if it does not decode at all).
    WrongSize {
        /// The encoding as messages call it.
        encoding: &'static str,
        /// The digest as written.
        hash: String,
        /// Bytes found.
        found: usize,
        /// Bytes the algorithm yields.
        expected: usize,
    },
    /// No dash where an SRI hash was required.
    NotSri(String),
    /// A prefix was required and is missing.
    NoAlgorithm(String),
    /// A prefix is missing and nothing else says which algorithm is meant.
    AlgorithmUnknown(String),
    /// The prefix names another algorithm than the one required.
    AlgorithmMismatch {
        /// The hash as written.
        hash: String,
        /// The algorithm required.
        expected: Algorithm,
    },
    /// An empty hash was given without an algorithm to tell its length.
    EmptyWithoutAlgorithm,
}

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HashError::UnknownAlgorithm(name) => write!(
                f,
                "unknown hash algorithm '{name}', expect 'blake3', 'md5', 'sha1', 'sha256', or 'sha512'"
            ),
            HashError::UnknownFormat(name) => {
                write!(
                    f,
                    "unknown hash format '{name}', expect 'base16', 'base32', 'base64', or 'sri'"
                )
            }
            HashError::InvalidCharacter { encoding, byte } => {
                write!(
                    f,
                    "invalid character in {encoding} string: '{}'",
                    byte.escape_ascii()
                )
            }
            HashError::OddLength => f.write_str("invalid Base16 string: odd number of digits"),
            HashError::WrongLength { hash, algorithm } => {
                write!(
                    f,
                    "hash '{hash}' has wrong length for hash algorithm '{algorithm}'"
                )
            }
            HashError::WrongSize {
                encoding,
                hash,
                found,
                expected,
            } => {
                write!(
                    f,
                    "invalid {encoding} hash '{hash}', length {found} != expected length {expected}"
                )
            }
            HashError::NotSri(hash) => write!(f, "hash '{hash}' is not SRI"),
            HashError::NoAlgorithm(hash) => write!(f, "hash '{hash}' does not include a type"),
            HashError::AlgorithmUnknown(hash) => write!(
                f,
                "hash '{hash}' does not include a type, nor is the type otherwise known from context"
            ),
            HashError::AlgorithmMismatch { hash, expected } => {
                write!(f, "hash '{hash}' should have type '{expected}'")
            }
            HashError::EmptyWithoutAlgorithm => {
                f.write_str("empty hash requires explicit hash algorithm")
            }
        }
    }
}

impl std::error::Error for HashError {}
