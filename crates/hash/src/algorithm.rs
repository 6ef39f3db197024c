//! The hash algorithms and text formats that store paths, derivations and users may name.

use std::fmt;

use crate::HashError;

/// A hash algorithm of the field.
///
/// The order of the variants is that of the reference's own type; it is only used to break ties
/// between digests of equal bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// MD5, 16 bytes. Broken; read for old packages only.
    Md5,
    /// SHA-1, 20 bytes. Broken; Git trees and old packages.
    Sha1,
    /// SHA-256, 32 bytes. What the store itself uses.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
    /// BLAKE3, 32 bytes, behind the experimental feature `blake3-hashes`.
    Blake3,
}

impl Algorithm {
    /// Every algorithm, in alphabetical order of their names.
    pub const ALL: [Algorithm; 5] = [
        Algorithm::Blake3,
        Algorithm::Md5,
        Algorithm::Sha1,
        Algorithm::Sha256,
        Algorithm::Sha512,
    ];

    /// The name as it stands before the colon of a hash.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "md5",
            Algorithm::Sha1 => "sha1",
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
            Algorithm::Blake3 => "blake3",
        }
    }

    /// Length of a digest in bytes.
    pub const fn size(self) -> usize {
        match self {
            Algorithm::Md5 => 16,
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 | Algorithm::Blake3 => 32,
            Algorithm::Sha512 => 64,
        }
    }

    /// Parses an algorithm's name.
    pub fn parse(name: &str) -> Result<Algorithm, HashError> {
        Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or_else(|| HashError::UnknownAlgorithm(name.into()))
    }

    /// The experimental feature without which users may not name this algorithm.
    pub const fn feature(self) -> Option<&'static str> {
        match self {
            Algorithm::Blake3 => Some("blake3-hashes"),
            _ => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A way of writing a digest as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashFormat {
    /// Lower-case hexadecimal digits.
    Base16,
    /// The field's own base-32.
    Nix32,
    /// Base-64 with padding.
    Base64,
    /// Subresource integrity: the algorithm's name, a dash and base-64.
    Sri,
}

impl HashFormat {
    /// The name by which a user asks for the format.
    pub const fn name(self) -> &'static str {
        match self {
            HashFormat::Base16 => "base16",
            HashFormat::Nix32 => "nix32",
            HashFormat::Base64 => "base64",
            HashFormat::Sri => "sri",
        }
    }

    /// Parses a format's name. `base32` is the older name of `nix32`; the caller warns about it.
    pub fn parse(name: &str) -> Result<HashFormat, HashError> {
        match name {
            "base16" => Ok(HashFormat::Base16),
            "nix32" | "base32" => Ok(HashFormat::Nix32),
            "base64" => Ok(HashFormat::Base64),
            "sri" => Ok(HashFormat::Sri),
            _ => Err(HashError::UnknownFormat(name.into())),
        }
    }
}

impl fmt::Display for HashFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
