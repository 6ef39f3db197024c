//! What a store knows of a store object besides its contents.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::{Deref, DerefMut};

use firn_hash::Hash;

use crate::{
    ContentAddress, ContentAddressMethod, Signature, StoreDir, StorePath, StoreReferences,
};

/// What a store knows of an object, apart from its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathInfo {
    /// The hash of the object's archive.
    pub nar_hash: Hash,
    /// The size of that archive in bytes; 0 means not known.
    pub nar_size: u64,
    /// The objects it refers to, possibly itself.
    pub references: BTreeSet<StorePath>,
    /// The derivation that made it, if known.
    pub deriver: Option<StorePath>,
    /// When it was registered, in seconds since 1970; 0 means not known.
    pub registration_time: u64,
    /// Whether it was built here, so that no signature is needed to trust it.
    pub ultimate: bool,
    /// Signatures on its fingerprint.
    pub signatures: BTreeSet<Signature>,
    /// The claim that its path follows from its contents.
    pub content_address: Option<ContentAddress>,
}

impl PathInfo {
    /// An info about an object of which only the archive's hash and size are known.
    pub fn new(nar_hash: Hash, nar_size: u64) -> PathInfo {
        PathInfo {
            nar_hash,
            nar_size,
            references: BTreeSet::new(),
            deriver: None,
            registration_time: 0,
            ultimate: false,
            signatures: BTreeSet::new(),
            content_address: None,
        }
    }
}

/// A store path and what the store knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidPathInfo {
    /// The path.
    pub path: StorePath,
    /// Everything else.
    pub info: PathInfo,
}

impl ValidPathInfo {
    /// The text that signatures sign; `None` if the size is not known.
    pub fn fingerprint(&self, store_dir: &StoreDir) -> Option<String> {
        if self.nar_size == 0 {
            return None;
        }
        let mut text = format!(
            "1;{};{};{};",
            store_dir.display(&self.path),
            self.nar_hash,
            self.nar_size
        );
        for (position, reference) in self.references.iter().enumerate() {
            let separator = if position == 0 { "" } else { "," };
            write!(text, "{separator}{}", store_dir.display(reference))
                .expect("a string takes any text");
        }
        Some(text)
    }

    /// The references, with one to the object itself told apart.
    pub fn store_references(&self) -> StoreReferences {
        let mut others = self.references.clone();
        let itself = others.remove(&self.path);
        StoreReferences { others, itself }
    }

    /// Whether the object claims to be content-addressed and its path really follows from that
    /// claim. Nothing is said of its contents.
    pub fn is_content_addressed(&self, store_dir: &StoreDir) -> bool {
        let Some(address) = &self.content_address else {
            return false;
        };
        let references = self.store_references();
        if address.method == ContentAddressMethod::Text && references.itself {
            return false;
        }
        store_dir
            .make_content_addressed_path(self.path.name(), address, &references)
            .is_ok_and(|path| path == self.path)
    }
}

impl Deref for ValidPathInfo {
    type Target = PathInfo;

    fn deref(&self) -> &PathInfo {
        &self.info
    }
}

impl DerefMut for ValidPathInfo {
    fn deref_mut(&mut self) -> &mut PathInfo {
        &mut self.info
    }
}
