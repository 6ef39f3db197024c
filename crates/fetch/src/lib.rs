//! Fetchers: where sources come from, how they are named and locked, and their shared cache.
//!
//! An [`Input`] says where a source comes from: attributes that a [`Scheme`] gives a meaning to,
//! written as a [`Url`] where that is shorter. A [`Fetcher`] makes an input's tree a store object
//! and fills in what it finds out: a revision, a time, the hash of the tree. A [`Registry`] gives
//! inputs names.
//!
//! Git repositories are read with `gix`; the `git` program is run for what a library cannot do with
//! a user's configuration (fetching over the network with their credentials, verifying signatures,
//! committing), and `hg` for all of Mercurial. Trees come together in memory as names, and stream into the store from objects,
//! files, or a spooled archive, without being written anywhere else first.
//!
//! The crate reads no environment; directories, settings and transfers come in through
//! [`FetchOptions`].

mod archive;
pub mod attrs;
mod cache;
mod date;
mod download;
mod error;
mod fetcher;
mod forge;
mod git;
mod input;
mod local;
mod mercurial;
mod prefetch;
mod registry;
mod scheme;
mod tree;
mod trees;
pub mod url;
mod zip;

pub use attrs::{Attr, Attrs};
pub use date::date_of;
pub use download::{DownloadedFile, DownloadedTree, Header};
pub use error::{FetchError, HASH_MISMATCH, Result};
pub use fetcher::{FetchListener, FetchOptions, Fetched, Fetcher};
pub use git::{Head, clone, head_of, put_file};
pub use input::{FINAL, Input};
pub use prefetch::Prefetch;
pub use registry::{Entry as RegistryEntry, Registry, RegistryKind, UseRegistries};
pub use scheme::git::fix_url as fix_git_url;
pub use scheme::indirect::is_flake_id;
pub use scheme::{Scheme, is_ref_name, is_revision};
pub use url::Url;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests;
