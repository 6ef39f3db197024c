//! What an evaluation learns from the world, told as it happens.
//!
//! Every effect goes through the host, so a host can say what an evaluation's result depends on.
//! An [`Observer`] is told of each answer that another run might get differently. Paths are
//! physical ones. What is inside store objects never changes, so that only their validity counts.

use std::path::Path;

use firn_eval::{FileType, Message};
use firn_fetch::{Fetched, Input, UseRegistries};
use firn_store::DerivationText;
use firn_store_model::StorePath;

/// Is told what an evaluation depends on.
pub trait Observer: Send + Sync {
    /// A file is about to be read.
    fn reads(&self, path: &Path);
    /// What a file held that was announced.
    fn read(&self, path: &Path, contents: &[u8]);
    /// What is at a path, links not followed.
    fn saw(&self, path: &Path, kind: Option<FileType>);
    /// The names in a directory.
    fn listed(&self, path: &Path, entries: &[(Vec<u8>, Option<FileType>)]);
    /// Where a link leads.
    fn followed(&self, path: &Path, target: &[u8]);
    /// A file is about to be read as part of a source. Tells whether its contents are wanted too.
    fn takes(&self, path: &Path) -> bool;
    /// A variable, or that it is not set.
    fn variable(&self, name: &[u8], value: Option<&[u8]>);
    /// The evaluation looks into a store object that it did not make.
    fn uses(&self, path: &StorePath);
    /// A source was fetched, or found to be there.
    fn fetches(&self, asked: &Input, registries: UseRegistries, fetched: &Fetched);
    /// A source is to be in the store.
    fn adds(&self, path: &StorePath);
    /// A derivation is to be in the store.
    fn instantiates(&self, derivation: &DerivationText);
    /// The user was told something.
    fn said(&self, message: &Message);
    /// The result depends on something that cannot be checked again.
    fn loses_track(&self, reason: &'static str);
}
