//! Checking that what the database calls valid is there, and is what it was.
//!
//! A valid path that is gone from the disk is forgotten if nothing valid refers to it; otherwise
//! that is an error, which only fetching or building it again can repair. With contents, every
//! archive is hashed, on all cores. Errors are told as messages; the answer is whether any remain.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use firn_events::{ActivityGuard, ActivityKind, Level, Progress};
use firn_hash::{Hash, HashFormat};
use firn_store_model::{StorePath, ValidPathInfo};
use firn_sys::file_lock::{FileLock, LockKind};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use super::LocalStore;
use super::optimise::file_hash;
use crate::error::{StoreError, path_error};
use crate::hash_tree::nar_hash;
use crate::store::Store;
use crate::tree::Listing;
use crate::types::{StorePathSet, VerifyOptions};

impl LocalStore {
    /// Verifies; `repairer` makes damaged paths anew where that is asked for. It is this store,
    /// or one around it that can do more.
    pub fn verify_with(
        &self,
        options: VerifyOptions,
        repairer: &dyn Store,
    ) -> Result<bool, StoreError> {
        self.require_writable("verifying")?;
        let events = self.events();
        events.message(Level::Info, "reading the Nix store...");
        let lock_path = self.location.state_dir.join("gc.lock");
        let lock = FileLock::acquire(&lock_path, LockKind::Shared, || {
            events.message(Level::Info, "waiting for the big garbage collector lock...");
        })
        .map_err(path_error("locking", &lock_path))?;
        let mut check = Verification {
            store: self,
            repairer: options.repair.then_some(repairer),
            present: self.names_on_disk()?,
            done: BTreeSet::new(),
            valid: StorePathSet::new(),
            errors: false,
        };
        events.message(Level::Info, "checking path existence...");
        for path in self.db.all_valid()? {
            check.existence(&path)?;
        }
        // What is read from here on may be collected meanwhile; that is looked into when it
        // matters.
        drop(lock);
        if options.check_contents {
            events.message(Level::Info, "checking link hashes...");
            check.links()?;
            events.message(Level::Info, "checking store hashes...");
            check.contents()?;
        }
        Ok(check.errors)
    }

    fn names_on_disk(&self) -> Result<StorePathSet, StoreError> {
        use std::os::unix::ffi::OsStrExt as _;
        let directory = &self.location.physical_dir;
        let mut present = StorePathSet::new();
        for entry in std::fs::read_dir(directory).map_err(path_error("reading", directory))? {
            let name = entry.map_err(path_error("reading", directory))?.file_name();
            if let Ok(path) = StorePath::parse(name.as_bytes()) {
                present.insert(path);
            }
        }
        Ok(present)
    }
}

struct Verification<'a> {
    store: &'a LocalStore,
    repairer: Option<&'a dyn Store>,
    present: StorePathSet,
    done: BTreeSet<StorePath>,
    valid: StorePathSet,
    errors: bool,
}

impl Verification<'_> {
    fn say(&self, level: Level, text: &str) {
        self.store.events().message(level, text);
    }

    /// Looks whether a path is there. Referrers of an absent path come first: if they are absent
    /// too, all of them can be forgotten.
    fn existence(&mut self, path: &StorePath) -> Result<(), StoreError> {
        let mut pending = vec![(path.clone(), false)];
        while let Some((path, referrers_done)) = pending.pop() {
            if !referrers_done {
                if !self.done.insert(path.clone()) {
                    continue;
                }
                if self.present.contains(&path) {
                    self.valid.insert(path);
                    continue;
                }
                let referrers = self.store.db.referrers(&path)?;
                pending.push((path.clone(), true));
                let others = referrers.into_iter().filter(|it| *it != path);
                pending.extend(others.map(|it| (it, false)));
                continue;
            }
            self.absent(&path)?;
        }
        Ok(())
    }

    fn absent(&mut self, path: &StorePath) -> Result<(), StoreError> {
        let text = self.store.location.store_dir.print(path);
        let referrers = self.store.db.referrers(path)?;
        if !referrers
            .iter()
            .any(|it| it != path && self.valid.contains(it))
        {
            let message = format!("path '{text}' disappeared, removing from database...");
            self.say(Level::Info, &message);
            return self.store.db.invalidate_checked(path);
        }
        let message = format!("path '{text}' disappeared, but it still has valid referrers!");
        self.say(Level::Error, &message);
        self.repair(path);
        Ok(())
    }

    /// Makes a path anew, or notes that an error remains.
    fn repair(&mut self, path: &StorePath) {
        let Some(repairer) = self.repairer else {
            self.errors = true;
            return;
        };
        if let Err(error) = repairer.repair_path(path) {
            self.say(Level::Warn, &error.to_string());
            self.errors = true;
        }
    }

    fn links(&mut self) -> Result<(), StoreError> {
        let directory = self.store.location.physical_dir.join(".links");
        let mut links = Vec::new();
        for entry in std::fs::read_dir(&directory).map_err(path_error("reading", &directory))? {
            links.push(entry.map_err(path_error("reading", &directory))?.path());
        }
        let repairs = self.repairer.is_some();
        let remaining = AtomicBool::new(false);
        links
            .par_iter()
            .try_for_each(|link| -> Result<(), StoreError> {
                let hash = file_hash(link)?;
                let name = link.file_name().unwrap_or_default().to_string_lossy();
                if hash == name {
                    return Ok(());
                }
                let text = format!(
                    "link \"{}\" was modified! expected hash \"{name}\", got '{hash}'",
                    link.display()
                );
                self.say(Level::Error, &text);
                if repairs {
                    std::fs::remove_file(link).map_err(path_error("removing", link))?;
                    self.say(Level::Info, &format!("removed link \"{}\"", link.display()));
                } else {
                    remaining.store(true, Ordering::Relaxed);
                }
                Ok(())
            })?;
        self.errors |= remaining.into_inner();
        Ok(())
    }

    fn contents(&mut self) -> Result<(), StoreError> {
        let activity = ActivityGuard::start(
            self.store.events(),
            None,
            Level::Info,
            "",
            ActivityKind::VerifyPaths,
        );
        let done = AtomicU64::new(0);
        let expected = self.valid.len() as u64;
        // Large objects first, so that no core is left with one at the end.
        let mut infos: Vec<ValidPathInfo> = Vec::with_capacity(self.valid.len());
        for path in &self.valid {
            infos.extend(self.store.db.path_info(path)?);
        }
        infos.sort_by_key(|info| std::cmp::Reverse(info.nar_size));
        let damaged: Mutex<Vec<(StorePath, Damage)>> = Mutex::default();
        infos.par_iter().for_each(|info| {
            if let Some(damage) = self.check_contents(info) {
                let mut damaged = damaged
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                damaged.push((info.path.clone(), damage));
            }
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            activity.progress(Progress {
                done,
                expected,
                ..Progress::default()
            });
        });
        let mut damaged = damaged
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        damaged.sort_by(|a, b| a.0.cmp(&b.0));
        for (path, damage) in damaged {
            match damage {
                Damage::Modified { message } => {
                    self.say(Level::Error, &message);
                    self.repair(&path);
                }
                Damage::Unreadable(error) => {
                    // It may have been collected; then nothing is wrong.
                    let gone = !self.store.db.is_valid(&path)?;
                    let level = if gone { Level::Warn } else { Level::Error };
                    self.say(level, &error.to_string());
                    self.errors = true;
                }
                Damage::Incomplete(info) => self.store.db.update(&info)?,
            }
        }
        Ok(())
    }

    fn check_contents(&self, info: &ValidPathInfo) -> Option<Damage> {
        let path = self.store.location.store_dir.print(&info.path);
        self.say(Level::Talkative, &format!("checking contents of '{path}'"));
        let place = self.store.location.physical_path(&info.path);
        let tree = &*self.store.tree_at(place);
        let found = Listing::walk(tree, None)
            .and_then(|listing| nar_hash(tree, &listing, info.nar_hash.algorithm()));
        let (hash, size) = match found {
            Ok(found) => found,
            Err(error) => return Some(Damage::Unreadable(error)),
        };
        let unknown = info.nar_hash == Hash::zero(info.nar_hash.algorithm());
        if hash != info.nar_hash && !unknown {
            let message = format!(
                "path '{path}' was modified! expected hash '{}', got '{}'",
                info.nar_hash.format(HashFormat::Nix32, true),
                hash.format(HashFormat::Nix32, true)
            );
            return Some(Damage::Modified { message });
        }
        if !unknown && info.nar_size != 0 {
            return None;
        }
        let mut complete = info.clone();
        if unknown {
            self.say(Level::Info, &format!("fixing missing hash on '{path}'"));
            complete.info.nar_hash = hash;
        }
        if info.nar_size == 0 {
            self.say(
                Level::Info,
                &format!("updating size field on '{path}' to {size}"),
            );
            complete.info.nar_size = size;
        }
        Some(Damage::Incomplete(Box::new(complete)))
    }
}

/// What is wrong with a path.
enum Damage {
    /// The contents have another hash.
    Modified { message: String },
    /// The contents cannot be read.
    Unreadable(StoreError),
    /// Hash or size were not known; here they are.
    Incomplete(Box<ValidPathInfo>),
}
