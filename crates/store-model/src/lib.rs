//! The pure formats of the store: what its things are called, what they consist of, and how they
//! are written down, to the bit.
//!
//! * [`StoreDir`], [`StorePath`], [`OutputName`]: names of store objects, and how a path follows
//!   from contents ([`ContentAddress`], [`StoreReferences`]) or from a derivation.
//! * [`Derivation`]: its ATerm form, its hash modulo fixed outputs, its output paths.
//! * [`DerivedPath`], [`SingleDerivedPath`], [`OutputsSpec`]: what a user may ask to have built.
//! * [`PathInfo`], [`ValidPathInfo`]: what a store knows of an object.
//! * [`Signature`], [`SecretKey`], [`PublicKeys`]: who vouches for it.
//! * [`nar`]: the archive of a tree, as a stream of events; [`GitHasher`], its other identity.
//! * [`ReferenceScanner`], [`RewritingWriter`]: digests in passing bytes, found and replaced.
//! * [`NarInfo`], [`CacheInfo`], [`Realisation`]: what binary caches are made of.
//! * [`export`], [`wire`]: streams of objects, and the primitives of the protocols.
//! * [`worker`], [`serve`]: the messages of the protocols that stores speak with each other.
//!
//! The crate opens no file, reads no clock and has no threads; it works on bytes, readers and
//! writers. The store directory is always passed in. Experimental features are the front end's
//! business: parsing accepts every form of the field, and [`Derivation::features`] and
//! [`ContentAddressMethod::feature`] say what a form needs.

mod aterm;
mod cache_info;
mod content_address;
mod derivation;
mod derived_path;
pub mod export;
mod git_hasher;
mod hash_modulo;
mod json;
mod keys;
mod make_path;
mod name;
pub mod nar;
mod narinfo;
mod output_paths;
mod outputs_spec;
mod path_info;
mod placeholder;
mod realisation;
mod references;
mod rewrite;
pub mod serve;
mod signature;
mod store_dir;
mod store_path;
pub mod wire;
pub mod worker;

pub use aterm::ATermError;
pub use cache_info::{CACHE_INFO_FILE, CacheInfo};
pub use content_address::{
    ContentAddress, ContentAddressError, ContentAddressMethod, StoreReferences,
};
pub use derivation::{
    Derivation, DerivationError, DerivationOutput, DerivationType, InputNode,
    STRUCTURED_ATTRS_VARIABLE,
};
pub use derived_path::{DerivedPath, DerivedPathError, SingleDerivedPath};
pub use git_hasher::GitHasher;
pub use hash_modulo::HashModulo;
pub use json::{DerivationJsonVersion, JsonError, PathInfoJsonVersion};
pub use keys::{PublicKey, PublicKeys, SecretKey};
pub use make_path::MakePathError;
pub use name::{NameError, OutputName, check_name, output_path_name};
pub use narinfo::{NarInfo, NarInfoError};
pub use outputs_spec::OutputsSpec;
pub use path_info::{PathInfo, ValidPathInfo};
pub use placeholder::{downstream_placeholder, output_placeholder};
pub use realisation::{DrvOutput, Realisation, RealisationError};
pub use references::ReferenceScanner;
pub use rewrite::{RewritingWriter, SelfReferenceHasher};
pub use signature::{Signature, SignatureError};
pub use store_dir::StoreDir;
pub use store_path::{DERIVATION_EXTENSION, StorePath, StorePathError};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests;
