//! A store path without its directory: a digest of 20 bytes in base-32, a dash, and a name.
//!
//! The text is kept as it is written, because it is compared, printed and searched for as text;
//! the digest's bytes are made on demand. A copy shares the text.

use std::fmt;
use std::sync::Arc;

use firn_hash::base32;

use crate::NameError;
use crate::name::check_name;

/// How names of derivation files end.
pub const DERIVATION_EXTENSION: &str = ".drv";

/// What is wrong with a store path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StorePathError {
    /// Shorter than a digest and a dash.
    TooShort(String),
    /// The digest has a character outside base-32.
    IllegalDigest {
        /// The path's base name.
        path: String,
        /// The first such byte.
        byte: u8,
    },
    /// No dash between digest and name.
    NoDash(String),
    /// The name part breaks the rule for names.
    Name {
        /// The path's base name.
        path: String,
        /// What is wrong with the name.
        error: NameError,
    },
    /// The path lies outside the store directory, or is not an immediate child of it.
    NotInStore(String),
    /// The path is relative.
    NotAbsolute(String),
    /// A derivation was expected and the name does not end in `.drv`.
    NotDerivation(String),
}

impl fmt::Display for StorePathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StorePathError::TooShort(path) => {
                write!(f, "'{path}' is too short to be a valid store path")
            }
            StorePathError::IllegalDigest { path, byte } => write!(
                f,
                "store path '{path}' contains illegal base-32 character '{}'",
                byte.escape_ascii()
            ),
            StorePathError::NoDash(path) => {
                write!(f, "store path '{path}' has no dash after its digest")
            }
            StorePathError::Name { path, error } => {
                write!(f, "path '{path}' is not a valid store path: {error}")
            }
            StorePathError::NotInStore(path) => {
                write!(f, "path \"{path}\" is not in the Nix store")
            }
            StorePathError::NotAbsolute(path) => write!(f, "not an absolute path: \"{path}\""),
            StorePathError::NotDerivation(path) => {
                write!(f, "store path '{path}' is not a valid derivation path")
            }
        }
    }
}

impl std::error::Error for StorePathError {}

/// The base name of a store object's path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorePath(Arc<str>);

impl StorePath {
    /// Length of the digest as text.
    pub const HASH_PART_LEN: usize = 32;

    /// Length of the digest in bytes.
    pub const DIGEST_SIZE: usize = 20;

    /// Parses a base name, `<digest>-<name>`.
    pub fn parse(base_name: impl AsRef<[u8]>) -> Result<StorePath, StorePathError> {
        Ok(StorePath(check_base_name(base_name.as_ref())?.into()))
    }

    /// Makes a path of a digest and a name.
    pub fn new(
        digest: &[u8; StorePath::DIGEST_SIZE],
        name: &str,
    ) -> Result<StorePath, StorePathError> {
        let mut text = String::from_utf8(vec![b'-'; StorePath::HASH_PART_LEN + 1])
            .expect("dashes are ASCII")
            .into_bytes();
        base32::encode_into(digest, &mut text[..StorePath::HASH_PART_LEN]);
        text.extend_from_slice(name.as_bytes());
        let text = String::from_utf8(text).expect("base-32 and a text make a text");
        match check_name(name.as_bytes()) {
            Ok(_) => Ok(StorePath(text.into())),
            Err(error) => Err(StorePathError::Name { path: text, error }),
        }
    }

    /// The whole base name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digest as written.
    pub fn hash_part(&self) -> &str {
        &self.0[..StorePath::HASH_PART_LEN]
    }

    /// The digest's bytes.
    pub fn digest(&self) -> [u8; StorePath::DIGEST_SIZE] {
        base32::decode_exact(self.hash_part().as_bytes()).expect("checked when the path was made")
    }

    /// The name after the digest.
    pub fn name(&self) -> &str {
        &self.0[StorePath::HASH_PART_LEN + 1..]
    }

    /// Whether the name is that of a derivation file.
    pub fn is_derivation(&self) -> bool {
        self.0.ends_with(DERIVATION_EXTENSION)
    }

    /// The name of the derivation that this path is the file of.
    pub fn derivation_name(&self) -> Result<&str, StorePathError> {
        self.name()
            .strip_suffix(DERIVATION_EXTENSION)
            .ok_or_else(|| StorePathError::NotDerivation(self.as_str().into()))
    }
}

/// Checks a base name, and gives it back as text.
fn check_base_name(base_name: &[u8]) -> Result<&str, StorePathError> {
    let owned = || String::from_utf8_lossy(base_name).into_owned();
    if base_name.len() < StorePath::HASH_PART_LEN + 1 {
        return Err(StorePathError::TooShort(owned()));
    }
    let (digest, rest) = base_name.split_at(StorePath::HASH_PART_LEN);
    if let Some(&byte) = digest.iter().find(|&&byte| !base32::is_digit(byte)) {
        return Err(StorePathError::IllegalDigest {
            path: owned(),
            byte,
        });
    }
    if rest[0] != b'-' {
        return Err(StorePathError::NoDash(owned()));
    }
    check_name(&rest[1..]).map_err(|error| StorePathError::Name {
        path: owned(),
        error,
    })?;
    Ok(std::str::from_utf8(base_name).expect("checked to be ASCII"))
}

impl AsRef<str> for StorePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StorePath({})", self.0)
    }
}
