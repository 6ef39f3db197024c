//! Content addresses: how an object was hashed, and the hash.
//!
//! Two spellings exist. Databases and narinfo files write `text:sha256:…` and
//! `fixed:r:sha256:…` ([`ContentAddress`]'s `Display`); derivations write the method as a mere
//! prefix of the algorithm, `r:sha256` ([`ContentAddressMethod::prefix`]); JSON and the language
//! call the methods `text`, `flat`, `nar` and `git` ([`ContentAddressMethod::name`]).

use std::collections::BTreeSet;
use std::fmt;

use firn_hash::{Algorithm, Hash, HashError};

use crate::StorePath;

/// What of an object is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentAddressMethod {
    /// The bytes of a file whose references are part of the path's digest: derivations, `toFile`.
    Text,
    /// The bytes of a file.
    Flat,
    /// The archive of a tree.
    Nar,
    /// The Git object of a tree.
    Git,
}

impl ContentAddressMethod {
    /// The name in JSON and in the language.
    pub const fn name(self) -> &'static str {
        match self {
            ContentAddressMethod::Text => "text",
            ContentAddressMethod::Flat => "flat",
            ContentAddressMethod::Nar => "nar",
            ContentAddressMethod::Git => "git",
        }
    }

    /// Parses the name in JSON and in the language.
    pub fn parse(name: &str) -> Result<ContentAddressMethod, ContentAddressError> {
        match name {
            "text" => Ok(ContentAddressMethod::Text),
            "flat" => Ok(ContentAddressMethod::Flat),
            "nar" => Ok(ContentAddressMethod::Nar),
            "git" => Ok(ContentAddressMethod::Git),
            _ => Err(ContentAddressError::UnknownMethod(name.into())),
        }
    }

    /// The prefix before the algorithm in derivations.
    pub const fn prefix(self) -> &'static str {
        match self {
            ContentAddressMethod::Text => "text:",
            ContentAddressMethod::Flat => "",
            ContentAddressMethod::Nar => "r:",
            ContentAddressMethod::Git => "git:",
        }
    }

    /// Splits the prefix of derivations off `text`; no prefix means a flat file.
    pub fn split_prefix(text: &str) -> (ContentAddressMethod, &str) {
        for method in [
            ContentAddressMethod::Nar,
            ContentAddressMethod::Git,
            ContentAddressMethod::Text,
        ] {
            if let Some(rest) = text.strip_prefix(method.prefix()) {
                return (method, rest);
            }
        }
        (ContentAddressMethod::Flat, text)
    }

    /// The experimental feature that the method needs anywhere.
    pub const fn feature(self) -> Option<&'static str> {
        match self {
            ContentAddressMethod::Git => Some("git-hashing"),
            _ => None,
        }
    }

    /// The spelling of the method with an algorithm in databases and protocols: `fixed:r:sha256`.
    pub fn with_algorithm(self, algorithm: Algorithm) -> String {
        format!("{}{}{algorithm}", self.modern_prefix(), self.tail())
    }

    /// Parses what [`ContentAddressMethod::with_algorithm`] writes.
    pub fn parse_with_algorithm(
        text: &str,
    ) -> Result<(ContentAddressMethod, Algorithm), ContentAddressError> {
        let with_colon = format!("{text}:");
        let (method, algorithm, _) = split_modern(&with_colon)?;
        Ok((method, algorithm))
    }

    const fn modern_prefix(self) -> &'static str {
        match self {
            ContentAddressMethod::Text => "text:",
            _ => "fixed:",
        }
    }

    const fn tail(self) -> &'static str {
        match self {
            ContentAddressMethod::Text => "",
            _ => self.prefix(),
        }
    }
}

impl fmt::Display for ContentAddressMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The method and hash from which a store path follows, together with the references.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentAddress {
    /// What was hashed.
    pub method: ContentAddressMethod,
    /// The hash.
    pub hash: Hash,
}

impl ContentAddress {
    /// Parses the spelling of databases and narinfo files.
    pub fn parse(text: &str) -> Result<ContentAddress, ContentAddressError> {
        let (method, algorithm, digest) = split_modern(text)?;
        Ok(ContentAddress {
            method,
            hash: Hash::parse_digest(digest, algorithm)?,
        })
    }

    /// Parses an optional content address, where the empty text means none.
    pub fn parse_optional(text: &str) -> Result<Option<ContentAddress>, ContentAddressError> {
        if text.is_empty() {
            Ok(None)
        } else {
            ContentAddress::parse(text).map(Some)
        }
    }

    /// The method and algorithm as derivations write them: `r:sha256`.
    pub fn method_and_algorithm(&self) -> String {
        format!("{}{}", self.method.prefix(), self.hash.algorithm())
    }
}

impl fmt::Display for ContentAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}{}",
            self.method.modern_prefix(),
            self.method.tail(),
            self.hash
        )
    }
}

/// Splits `text:sha256:…` or `fixed:r:sha256:…` into method, algorithm and digest.
fn split_modern(
    whole: &str,
) -> Result<(ContentAddressMethod, Algorithm, &str), ContentAddressError> {
    let (prefix, rest) = whole
        .split_once(':')
        .ok_or_else(|| ContentAddressError::NoPrefix(whole.into()))?;
    let (method, rest) = match prefix {
        "text" => (ContentAddressMethod::Text, rest),
        "fixed" => {
            if let Some(rest) = rest.strip_prefix("r:") {
                (ContentAddressMethod::Nar, rest)
            } else if let Some(rest) = rest.strip_prefix("git:") {
                (ContentAddressMethod::Git, rest)
            } else {
                (ContentAddressMethod::Flat, rest)
            }
        }
        _ => return Err(ContentAddressError::UnknownPrefix(prefix.into())),
    };
    let (algorithm, digest) = rest
        .split_once(':')
        .ok_or_else(|| ContentAddressError::NoAlgorithm(rest.into()))?;
    Ok((method, Algorithm::parse(algorithm)?, digest))
}

/// The references of a content-addressed object. A reference to itself cannot be written as a
/// path, since the path is what follows from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoreReferences {
    /// The other objects referred to.
    pub others: BTreeSet<StorePath>,
    /// Whether the object refers to itself.
    pub itself: bool,
}

impl StoreReferences {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.others.is_empty() && !self.itself
    }
}

/// What is wrong with a content address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentAddressError {
    /// No colon at all.
    NoPrefix(String),
    /// The prefix is neither `text` nor `fixed`.
    UnknownPrefix(String),
    /// No colon after the algorithm.
    NoAlgorithm(String),
    /// No method has this name.
    UnknownMethod(String),
    /// The algorithm or the digest is wrong.
    Hash(HashError),
}

impl fmt::Display for ContentAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ContentAddressError::NoPrefix(text) => write!(
                f,
                "not a content address because it is not in the form '<prefix>:<rest>': {text}"
            ),
            ContentAddressError::UnknownPrefix(prefix) => write!(
                f,
                "content address prefix '{prefix}' is unrecognized. Recogonized prefixes are 'text' or 'fixed'"
            ),
            ContentAddressError::NoAlgorithm(text) => write!(
                f,
                "content address hash must be in form '<algo>:<hash>', but found: {text}"
            ),
            ContentAddressError::UnknownMethod(name) => {
                write!(
                    f,
                    "Unknown file ingestion method '{name}', expect `flat`, `nar`, or `git`"
                )
            }
            ContentAddressError::Hash(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ContentAddressError {}

impl From<HashError> for ContentAddressError {
    fn from(error: HashError) -> ContentAddressError {
        ContentAddressError::Hash(error)
    }
}
