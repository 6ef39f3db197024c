//! A digest with its algorithm: a small value that is copied freely.

use std::cmp::Ordering;
use std::fmt;

use crate::{Algorithm, HashFormat, base16, base32, base64};

const MAX_SIZE: usize = 64;

/// A digest and the algorithm that made it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash {
    algorithm: Algorithm,
    /// The digest, then zeros.
    bytes: [u8; MAX_SIZE],
}

impl Hash {
    /// Makes a hash from the raw digest, or `None` if its length is not the algorithm's.
    pub fn from_bytes(algorithm: Algorithm, digest: &[u8]) -> Option<Hash> {
        if digest.len() != algorithm.size() {
            return None;
        }
        let mut bytes = [0; MAX_SIZE];
        bytes[..digest.len()].copy_from_slice(digest);
        Some(Hash { algorithm, bytes })
    }

    /// Makes a SHA-256 hash from its digest.
    pub fn from_sha256(digest: [u8; 32]) -> Hash {
        let mut bytes = [0; MAX_SIZE];
        bytes[..32].copy_from_slice(&digest);
        Hash {
            algorithm: Algorithm::Sha256,
            bytes,
        }
    }

    /// The all-zero hash that stands in for one not yet known.
    pub const fn zero(algorithm: Algorithm) -> Hash {
        Hash {
            algorithm,
            bytes: [0; MAX_SIZE],
        }
    }

    /// The algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The raw digest.
    pub fn digest(&self) -> &[u8] {
        &self.bytes[..self.algorithm.size()]
    }

    /// The digest in hexadecimal, without the algorithm.
    pub fn to_base16(&self) -> String {
        base16::encode(self.digest())
    }

    /// The digest in the field's base-32, without the algorithm.
    pub fn to_nix32(&self) -> String {
        base32::encode(self.digest())
    }

    /// The digest in base-64, without the algorithm.
    pub fn to_base64(&self) -> String {
        base64::encode(self.digest())
    }

    /// The SRI form, `sha256-…=`.
    pub fn to_sri(&self) -> String {
        format!("{}-{}", self.algorithm, self.to_base64())
    }

    /// The digest in `format`; `with_algorithm` puts the algorithm and a colon before it, which
    /// SRI always has in its own way.
    pub fn format(&self, format: HashFormat, with_algorithm: bool) -> String {
        let digest = match format {
            HashFormat::Base16 => self.to_base16(),
            HashFormat::Nix32 => self.to_nix32(),
            HashFormat::Base64 => self.to_base64(),
            HashFormat::Sri => return self.to_sri(),
        };
        if with_algorithm {
            format!("{}:{digest}", self.algorithm)
        } else {
            digest
        }
    }
}

/// Shorter digests first, then by bytes, then by algorithm, as the reference orders them.
impl Ord for Hash {
    fn cmp(&self, other: &Hash) -> Ordering {
        (self.digest().len(), self.digest(), self.algorithm).cmp(&(
            other.digest().len(),
            other.digest(),
            other.algorithm,
        ))
    }
}

impl PartialOrd for Hash {
    fn partial_cmp(&self, other: &Hash) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// Writes `sha256:` and base-32, the form of databases and narinfo files.
impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format(HashFormat::Nix32, true))
    }
}

/// Folds a digest to `N` bytes by exclusive or, as store path digests are made.
pub fn compress_hash<const N: usize>(digest: &[u8]) -> [u8; N] {
    let mut folded = [0; N];
    for (position, byte) in digest.iter().enumerate() {
        folded[position % N] ^= byte;
    }
    folded
}
