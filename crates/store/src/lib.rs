//! Stores: the [`Store`] interface, the store on this machine, and what works over any store.
//!
//! Read first: [`Store`] (what a store can be asked), [`LocalStore`] (the real thing), [`tree`]
//! (how files come in and go out), [`BinaryCacheStore`] (files described by other files, here or far
//! away), [`RemoteStore`] (a daemon). [`copy_closure`] brings paths from any store to any other. [`closure`](mod@closure) walks references, [`derivation`] reads
//! derivations and their hashes, [`hash_tree`] names contents without a store.
//!
//! Absences: nothing here knows a value of the language; nothing prints, reads the environment or
//! the home directory; no store directory is written down as a constant. What a user should see
//! goes to the event sink that the store was opened with.

mod binary_cache;
pub mod closure;
mod content_addressed;
mod copy;
pub mod derivation;
mod describe;
mod dummy;
mod error;
pub mod export;
pub mod fault;
pub mod hash_tree;
mod local;
pub mod missing;
mod parallel;
pub mod profile;
mod remote;
mod store;
pub mod tree;
pub mod types;
pub mod validity;

pub use binary_cache::{
    BinaryCacheOptions, BinaryCacheStore, DiskCacheOptions, NarInfoDiskCache, S3Bucket, S3Options,
};
pub use content_addressed::make_content_addressed;
pub use copy::{CopyOptions, copy_closure, copy_paths, pipe};
pub use dummy::DummyStore;
pub use error::StoreError;
pub use local::{GcTestHooks, LocalOptions, LocalStore, Location, OverlayOptions};
pub use remote::{
    RemoteStore, RemoteStoreOptions, ServeStore, ServeStoreOptions, SshOptions, SshTransport,
    Transport,
};
pub use store::{Realiser, Store};
pub use types::*;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests;
