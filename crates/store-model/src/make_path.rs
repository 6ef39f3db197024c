//! How a store path follows from what it names.
//!
//! The digest of every path is the SHA-256 of a fingerprint `type:hash:store directory:name`,
//! folded to 20 bytes. The type tells kinds of objects apart: `text` and `source` carry the
//! references of the object, `output:<id>` stands for an output of a derivation. A fixed output
//! that is no SHA-256 archive gets its path from a second, inner fingerprint. The exact rules are
//! the manual's chapter on the store path protocol.

use std::fmt;

use firn_hash::{Algorithm, Hash, Hasher, compress_hash};

use crate::name::output_path_name;
use crate::{
    ContentAddress, ContentAddressMethod, StoreDir, StorePath, StorePathError, StoreReferences,
};

/// Why no path can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MakePathError {
    /// Git objects are hashed with SHA-1 or SHA-256 only.
    GitAlgorithm(Algorithm),
    /// References are only possible for texts and SHA-256 archives.
    ReferencesNotAllowed(String),
    /// A text cannot contain its own path.
    TextSelfReference,
    /// The name does not make a store path.
    Path(StorePathError),
}

impl fmt::Display for MakePathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MakePathError::GitAlgorithm(algorithm) => write!(
                f,
                "Git file ingestion must use SHA-1 or SHA-256 hash, but instead using: {algorithm}"
            ),
            MakePathError::ReferencesNotAllowed(name) => write!(
                f,
                "fixed output derivation '{name}' is not allowed to refer to other store paths.\n\
                 You may need to use the 'unsafeDiscardReferences' derivation attribute, see the manual \
                 for more details."
            ),
            MakePathError::TextSelfReference => {
                f.write_str("self-reference not allowed with text hashing")
            }
            MakePathError::Path(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for MakePathError {}

impl From<StorePathError> for MakePathError {
    fn from(error: StorePathError) -> MakePathError {
        MakePathError::Path(error)
    }
}

impl StoreDir {
    /// Makes the path of an object of the given type, whose `hash` is written as the rules for
    /// that type demand.
    pub fn make_store_path(
        &self,
        kind: &str,
        hash: &str,
        name: &str,
    ) -> Result<StorePath, StorePathError> {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        for part in [kind, ":", hash, ":", self.as_str(), ":", name] {
            hasher.update(part.as_bytes());
        }
        StorePath::new(&compress_hash(hasher.finish().digest()), name)
    }

    fn make_hashed_path(
        &self,
        kind: &str,
        hash: &Hash,
        name: &str,
    ) -> Result<StorePath, StorePathError> {
        self.make_store_path(
            kind,
            &format!("{}:{}", hash.algorithm(), hash.to_base16()),
            name,
        )
    }

    /// Makes the path of an output of an input-addressed derivation, from the derivation's hash
    /// modulo fixed outputs.
    pub fn make_output_path(
        &self,
        output: &str,
        hash_modulo: &Hash,
        derivation_name: &str,
    ) -> Result<StorePath, StorePathError> {
        self.make_hashed_path(
            &format!("output:{output}"),
            hash_modulo,
            &output_path_name(derivation_name, output),
        )
    }

    /// Makes the path of a text, such as a derivation file.
    pub fn make_text_path<'a>(
        &self,
        name: &str,
        hash: &Hash,
        references: impl IntoIterator<Item = &'a StorePath>,
    ) -> Result<StorePath, StorePathError> {
        self.make_hashed_path(
            &self.type_with_references("text", references, false),
            hash,
            name,
        )
    }

    /// Makes the path of a content-addressed object.
    pub fn make_content_addressed_path(
        &self,
        name: &str,
        address: &ContentAddress,
        references: &StoreReferences,
    ) -> Result<StorePath, MakePathError> {
        let ContentAddress { method, hash } = address;
        match method {
            ContentAddressMethod::Text if references.itself => {
                return Err(MakePathError::TextSelfReference);
            }
            ContentAddressMethod::Text => {
                return Ok(self.make_text_path(name, hash, &references.others)?);
            }
            ContentAddressMethod::Git
                if !matches!(hash.algorithm(), Algorithm::Sha1 | Algorithm::Sha256) =>
            {
                return Err(MakePathError::GitAlgorithm(hash.algorithm()));
            }
            ContentAddressMethod::Nar if hash.algorithm() == Algorithm::Sha256 => {
                let kind =
                    self.type_with_references("source", &references.others, references.itself);
                return Ok(self.make_hashed_path(&kind, hash, name)?);
            }
            _ => {}
        }
        if !references.is_empty() {
            return Err(MakePathError::ReferencesNotAllowed(name.into()));
        }
        let inner = format!(
            "fixed:out:{}{}:{}:",
            method.prefix(),
            hash.algorithm(),
            hash.to_base16()
        );
        Ok(self.make_hashed_path("output:out", &Hasher::sha256(inner.as_bytes()), name)?)
    }

    fn type_with_references<'a>(
        &self,
        kind: &str,
        references: impl IntoIterator<Item = &'a StorePath>,
        itself: bool,
    ) -> String {
        let mut text = String::from(kind);
        for reference in references {
            text.push(':');
            text.push_str(self.as_str());
            text.push('/');
            text.push_str(reference.as_str());
        }
        if itself {
            text.push_str(":self");
        }
        text
    }
}
