//! Reading hashes: `sha256:<base16, base32 or base64>`, `sha256-<base64>`, or a bare digest whose
//! algorithm is known from elsewhere. The encoding of the forms with a colon is told by length.

use crate::{Algorithm, Hash, HashError, HashFormat, base16, base32, base64};

impl Hash {
    /// Parses a hash in any form. The algorithm comes from the text, from `algorithm`, or from
    /// both if they agree.
    pub fn parse_any(text: &str, algorithm: Option<Algorithm>) -> Result<Hash, HashError> {
        Ok(Hash::parse_any_with_format(text, algorithm)?.0)
    }

    /// Like [`Hash::parse_any`], and says which format the text was in.
    pub fn parse_any_with_format(
        text: &str,
        algorithm: Option<Algorithm>,
    ) -> Result<(Hash, HashFormat), HashError> {
        let (written, digest, is_sri) = split(text)?;
        let algorithm = match (written, algorithm) {
            (None, None) => return Err(HashError::AlgorithmUnknown(text.into())),
            (Some(written), Some(expected)) if written != expected => {
                return Err(HashError::AlgorithmMismatch {
                    hash: text.into(),
                    expected,
                });
            }
            (Some(algorithm), _) | (None, Some(algorithm)) => algorithm,
        };
        parse_digest(digest, algorithm, is_sri)
    }

    /// Parses a hash that must name its algorithm, with a colon or a dash.
    pub fn parse_prefixed(text: &str) -> Result<Hash, HashError> {
        let (written, digest, is_sri) = split(text)?;
        let algorithm = written.ok_or_else(|| HashError::NoAlgorithm(text.into()))?;
        Ok(parse_digest(digest, algorithm, is_sri)?.0)
    }

    /// Parses an SRI hash.
    pub fn parse_sri(text: &str) -> Result<Hash, HashError> {
        let (name, digest) = text
            .split_once('-')
            .ok_or_else(|| HashError::NotSri(text.into()))?;
        decode(digest, Algorithm::parse(name)?, HashFormat::Sri)
    }

    /// Parses a bare digest in base-16, base-32 or base-64, told apart by length.
    pub fn parse_digest(text: &str, algorithm: Algorithm) -> Result<Hash, HashError> {
        Ok(parse_digest(text, algorithm, false)?.0)
    }

    /// Parses a bare digest in the given format.
    pub fn parse_digest_as(
        text: &str,
        algorithm: Algorithm,
        format: HashFormat,
    ) -> Result<Hash, HashError> {
        decode(text, algorithm, format)
    }

    /// Like [`Hash::parse_any`], but an empty text is the all-zero hash, the stand-in people
    /// write for a hash they want to be told. The flag says that this happened; the caller warns.
    pub fn parse_any_or_empty(
        text: &str,
        algorithm: Option<Algorithm>,
    ) -> Result<(Hash, bool), HashError> {
        if !text.is_empty() {
            return Ok((Hash::parse_any(text, algorithm)?, false));
        }
        let algorithm = algorithm.ok_or(HashError::EmptyWithoutAlgorithm)?;
        Ok((Hash::zero(algorithm), true))
    }
}

/// Splits off the algorithm. A colon anywhere wins over a dash; only a dash means SRI.
fn split(text: &str) -> Result<(Option<Algorithm>, &str, bool), HashError> {
    if let Some((name, digest)) = text.split_once(':') {
        Ok((Some(Algorithm::parse(name)?), digest, false))
    } else if let Some((name, digest)) = text.split_once('-') {
        Ok((Some(Algorithm::parse(name)?), digest, true))
    } else {
        Ok((None, text, false))
    }
}

fn parse_digest(
    text: &str,
    algorithm: Algorithm,
    is_sri: bool,
) -> Result<(Hash, HashFormat), HashError> {
    let size = algorithm.size();
    let format = if is_sri {
        HashFormat::Sri
    } else if text.len() == base16::encoded_len(size) {
        HashFormat::Base16
    } else if text.len() == base32::encoded_len(size) {
        HashFormat::Nix32
    } else if text.len() == base64::encoded_len(size) {
        HashFormat::Base64
    } else {
        return Err(HashError::WrongLength {
            hash: text.into(),
            algorithm,
        });
    };
    Ok((decode(text, algorithm, format)?, format))
}

/// Decodes a digest. A text that does not decode counts as one of no bytes: what is wrong with it
/// is then told by the length, as the reference does.
fn decode(text: &str, algorithm: Algorithm, format: HashFormat) -> Result<Hash, HashError> {
    let (decoded, encoding) = match format {
        HashFormat::Base16 => (base16::decode(text.as_bytes()), "base16"),
        HashFormat::Nix32 => (base32::decode(text.as_bytes()), "nix32"),
        HashFormat::Base64 => (base64::decode(text.as_bytes()), "Base64"),
        HashFormat::Sri => (base64::decode(text.as_bytes()), "SRI"),
    };
    let bytes = decoded.unwrap_or_default();
    Hash::from_bytes(algorithm, &bytes).ok_or_else(|| HashError::WrongSize {
        encoding,
        hash: text.into(),
        found: bytes.len(),
        expected: algorithm.size(),
    })
}
