//! Derivations and sources that are named but not yet in the store.
//!
//! Evaluation names thousands of store objects, and names them without writing: a derivation's path
//! follows from its text, a source's from its hash. They are written in batches, one transaction
//! each: before anything is built, and at the end. An evaluation that only prints never writes
//! at all.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firn_store::{DerivationText, Store, StoreError};
use firn_store_model::StorePath;

use crate::observer::Observer;
use crate::source_tree::Source;

/// What is still to be written.
#[derive(Default)]
struct Queue {
    derivations: Vec<DerivationText>,
    /// Everything that was ever queued, so that nothing is queued twice.
    seen: HashSet<StorePath>,
    sources: Vec<(StorePath, Source)>,
}

/// The queue in front of a store.
pub struct Pending {
    store: Arc<dyn Store>,
    queue: Mutex<Queue>,
    /// Whether nothing may be written at all.
    read_only: bool,
    observer: Option<Arc<dyn Observer>>,
}

impl Pending {
    /// A queue in front of `store`; with `read_only`, what is queued is dropped.
    pub fn new(
        store: Arc<dyn Store>,
        read_only: bool,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        Self {
            store,
            observer,
            queue: Mutex::default(),
            read_only,
        }
    }

    /// Whether nothing may be written.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Queues a derivation. Those it refers to have been queued before it.
    pub fn derivation(&self, text: DerivationText) {
        let mut queue = self.lock();
        if self.read_only || !queue.seen.insert(text.path.clone()) {
            return;
        }
        if let Some(observer) = &self.observer {
            observer.instantiates(&text);
        }
        queue.derivations.push(text);
    }

    /// Queues a source.
    pub fn source(&self, path: StorePath, source: Source) {
        let mut queue = self.lock();
        if self.read_only || !queue.seen.insert(path.clone()) {
            return;
        }
        if let Some(observer) = &self.observer {
            observer.adds(&path);
        }
        queue.sources.push((path, source));
    }

    /// Writes everything that is queued: sources first, since derivations refer to them.
    ///
    /// # Errors
    /// What the store says. What could not be written is queued no longer.
    pub fn flush(&self) -> Result<(), StoreError> {
        let (sources, derivations) = {
            let mut queue = self.lock();
            (
                std::mem::take(&mut queue.sources),
                std::mem::take(&mut queue.derivations),
            )
        };
        for (path, source) in sources {
            if !self.store.is_valid_path(&path)? {
                source.add(self.store.as_ref(), &path)?;
            }
        }
        if derivations.is_empty() {
            return Ok(());
        }
        self.store.add_derivations(&derivations)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
