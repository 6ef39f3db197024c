//! Writing down what an evaluation learns while it runs.
//!
//! The status of a file is taken before it is read: if it changes in between, the contents are the
//! newer ones and the status the older, and the next check compares contents. A file that is found
//! with two different contents within one evaluation cannot be described by a trace; then nothing
//! is remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use firn_eval::{FileType, Message};
use firn_fetch::{Fetched, Input, UseRegistries};
use firn_instantiate::Observer;
use firn_store::{DerivationText, Store};
use firn_store_model::StorePath;

use crate::source::Source;
use crate::stat::Stat;
use crate::trace::{
    ABSENT, Digest, Found, Said, Seen, Trace, archive_hash, digest, kind_byte, listing_digest,
};

/// Writes down what an evaluation learns.
pub struct Recorder {
    started: SystemTime,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    trace: Trace,
    /// The status of files that are being read.
    announced: BTreeMap<Vec<u8>, Option<Stat>>,
    used: BTreeSet<StorePath>,
    made: BTreeSet<StorePath>,
    referenced: BTreeSet<StorePath>,
    lost: Option<&'static str>,
}

const UNSTEADY: &str = "a file changed while it was evaluated";

impl Default for Recorder {
    fn default() -> Self {
        Self {
            started: SystemTime::now(),
            state: Mutex::default(),
        }
    }
}

impl Recorder {
    /// The trace of an evaluation that is done and whose store objects are written; or why there
    /// is none.
    pub fn finish(&self, store: &dyn Store) -> Result<Trace, &'static str> {
        let mut state = std::mem::take(&mut *self.lock());
        if let Some(reason) = state.lost {
            return Err(reason);
        }
        for found in state.trace.paths.values_mut() {
            for seen in [&mut found.contents, &mut found.listing]
                .into_iter()
                .flatten()
            {
                let stat = seen.stat.ok_or(UNSTEADY)?;
                seen.is_racy = stat.is_racy(self.started);
                if seen.is_racy && seen.digest.is_none() {
                    return Err(UNSTEADY);
                }
            }
        }
        for path in &state.used {
            let hash =
                archive_hash(store, path.as_str()).map_err(|_| "the store cannot be asked")?;
            state.trace.uses.insert(path.as_str().to_owned(), hash);
        }
        let roots = state.made.difference(&state.referenced);
        state.trace.made = roots.map(|it| it.as_str().to_owned()).collect();
        Ok(state.trace)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn found(&mut self, path: &Path) -> &mut Found {
        let path = path.as_os_str().as_bytes();
        if !self.trace.paths.contains_key(path) {
            self.trace.paths.insert(path.to_vec(), Found::default());
        }
        self.trace.paths.get_mut(path).expect("it was inserted")
    }

    /// Notes a part of what is at a path, which must not contradict what was noted before.
    fn note<T: PartialEq + Copy>(
        &mut self,
        path: &Path,
        part: impl FnOnce(&mut Found) -> &mut Option<T>,
        value: T,
    ) {
        let before = part(self.found(path));
        match before {
            None => *before = Some(value),
            Some(before) if *before == value => {}
            Some(_) => self.lost = Some(UNSTEADY),
        }
    }

    fn see(
        &mut self,
        path: &Path,
        part: impl FnOnce(&mut Found) -> &mut Option<Seen>,
        stat: Option<Stat>,
        digest: Option<Digest>,
    ) {
        let before = part(self.found(path));
        match before {
            None => {
                *before = Some(Seen {
                    stat,
                    digest,
                    is_racy: false,
                });
            }
            Some(before) => {
                let differs = before.digest.zip(digest).is_some_and(|(a, b)| a != b);
                let moved = before.digest.zip(digest).is_none() && before.stat != stat;
                before.digest = before.digest.or(digest);
                if differs || moved {
                    self.lost = Some(UNSTEADY);
                }
            }
        }
    }
}

impl Observer for Recorder {
    fn reads(&self, path: &Path) {
        let stat = Stat::of(path);
        let path = path.as_os_str().as_bytes().to_vec();
        self.lock().announced.insert(path, stat);
    }

    fn read(&self, path: &Path, contents: &[u8]) {
        let digest = digest(contents);
        let mut state = self.lock();
        let announced = state.announced.remove(path.as_os_str().as_bytes());
        let known = state.found(path).contents.and_then(|it| it.stat);
        let stat = announced.unwrap_or(known);
        state.see(path, |it| &mut it.contents, stat, Some(digest));
    }

    fn saw(&self, path: &Path, kind: Option<FileType>) {
        let kind = kind.map_or(ABSENT, kind_byte);
        self.lock().note(path, |it| &mut it.kind, kind);
    }

    fn listed(&self, path: &Path, entries: &[(Vec<u8>, Option<FileType>)]) {
        let stat = Stat::of(path);
        let entries = entries.iter();
        let entries = entries.map(|(name, kind)| (name.clone(), kind.map(kind_byte)));
        let digest = listing_digest(entries);
        self.lock()
            .see(path, |it| &mut it.listing, stat, Some(digest));
    }

    fn followed(&self, path: &Path, target: &[u8]) {
        self.lock().note(path, |it| &mut it.target, digest(target));
    }

    fn takes(&self, path: &Path) -> bool {
        let stat = Stat::of(path);
        self.lock().see(path, |it| &mut it.contents, stat, None);
        stat.is_none_or(|it| it.is_racy(self.started))
    }

    fn variable(&self, name: &[u8], value: Option<&[u8]>) {
        let value = value.map(<[u8]>::to_vec);
        self.lock().trace.variables.insert(name.to_vec(), value);
    }

    fn uses(&self, path: &StorePath) {
        let mut state = self.lock();
        if !state.used.contains(path) {
            state.used.insert(path.clone());
        }
    }

    fn fetches(&self, asked: &Input, registries: UseRegistries, fetched: &Fetched) {
        let mut state = self.lock();
        state.used.insert(fetched.path.clone());
        // What is locked is always the same.
        if !fetched.is_fixed {
            let source = Source::new(asked, registries, fetched, self.started);
            state.trace.sources.push(source);
        }
    }

    fn adds(&self, path: &StorePath) {
        self.lock().made.insert(path.clone());
    }

    fn instantiates(&self, derivation: &DerivationText) {
        let mut state = self.lock();
        state.made.insert(derivation.path.clone());
        state
            .referenced
            .extend(derivation.references.iter().cloned());
    }

    fn said(&self, message: &Message) {
        self.lock().trace.said.push(Said::new(message));
    }

    fn loses_track(&self, reason: &'static str) {
        self.lock().lost = Some(reason);
    }
}
