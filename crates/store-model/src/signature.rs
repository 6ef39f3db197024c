//! Signatures as they are written: the name of a key, a colon, and base-64.

use std::fmt;
use std::str::FromStr;

use firn_hash::base64;

/// A signature on a path's fingerprint or on a realisation. It may be of any length: whether it
/// verifies is another question than whether it can be read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature {
    /// The name of the key that made it.
    pub key_name: String,
    /// The signature proper.
    pub bytes: Vec<u8>,
}

impl Signature {
    /// Parses `name:base64`.
    pub fn parse(text: &str) -> Result<Signature, SignatureError> {
        let (key_name, bytes) =
            parse_named_bytes(text).ok_or(SignatureError::Corrupt("signature"))?;
        Ok(Signature { key_name, bytes })
    }
}

/// Reads a name that is not empty, a colon, and base-64 that is not empty.
pub(crate) fn parse_named_bytes(text: &str) -> Option<(String, Vec<u8>)> {
    let (name, encoded) = text.split_once(':')?;
    let bytes = base64::decode(encoded.as_bytes()).ok()?;
    (!name.is_empty() && !bytes.is_empty()).then(|| (name.into(), bytes))
}

impl FromStr for Signature {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Signature, SignatureError> {
        Signature::parse(text)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.key_name, base64::encode(&self.bytes))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({self})")
    }
}

/// What is wrong with a signature or a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// The text of the named thing is not `name:base64`.
    Corrupt(&'static str),
    /// The named kind of key does not have the proper length.
    InvalidKey(&'static str),
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SignatureError::Corrupt(what) => write!(f, "{what} is corrupt"),
            SignatureError::InvalidKey(what) => write!(f, "{what} is not valid"),
        }
    }
}

impl std::error::Error for SignatureError {}
