//! Deleting what is dead: valid paths in batches, then leftovers, then links nobody shares.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;

use firn_events::Level;
use firn_store_model::StorePath;
use firn_sys::file_lock::{LockKind, try_lock_file};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use super::{LiveGraph, LocalStore, NodeIdx, Shared, Stop};
use crate::error::{StoreError, path_error};
use crate::fault;
use crate::types::GcResult;

/// Paths that go in one transaction, and that a newcomer may have to wait for.
const BATCH: usize = 128;

pub(super) struct Deleter<'a> {
    pub(super) store: &'a LocalStore,
    pub(super) shared: &'a Shared,
    /// Roots, valid or not.
    pub(super) roots: &'a BTreeSet<StorePath>,
    pub(super) max_freed: u64,
    pub(super) result: GcResult,
}

/// A name in the store directory, and the store path it looks like.
type Leftover = (Vec<u8>, Option<StorePath>);

impl Deleter<'_> {
    pub(super) fn report(&mut self, paths: Vec<&StorePath>) {
        let store_dir = &self.store.location.store_dir;
        self.result.paths.extend(
            paths
                .into_iter()
                .map(|path| store_dir.print(path).into_bytes()),
        );
    }

    /// Marks what has become a root since the last look.
    pub(super) fn learn_new_roots(&self, graph: &mut LiveGraph) {
        for hash_part in self.shared.take_new() {
            if let Some(idx) = graph.find_hash_part(&hash_part) {
                graph.mark_alive(idx);
            }
        }
    }

    /// Deletes nodes that are dead, in the order given.
    pub(super) fn delete_paths(
        &mut self,
        graph: &mut LiveGraph,
        order: &[NodeIdx],
    ) -> Result<(), Stop> {
        // A limit is met more exactly in small steps.
        let batch_size = if self.max_freed == u64::MAX { BATCH } else { 1 };
        for batch in order.chunks(batch_size) {
            let paths = loop {
                self.learn_new_roots(graph);
                let dead: Vec<StorePath> = batch
                    .iter()
                    .filter(|idx| !graph.is_alive(**idx))
                    .map(|idx| graph.path(*idx).clone())
                    .collect();
                if self
                    .shared
                    .try_claim(dead.iter().map(|path| path.hash_part().to_owned()))
                {
                    break dead;
                }
            };
            let outcome = self.delete_batch(graph, &paths);
            self.shared.release();
            outcome?;
        }
        Ok(())
    }

    fn delete_batch(&mut self, graph: &mut LiveGraph, paths: &[StorePath]) -> Result<(), Stop> {
        fault::point("gc: invalidate");
        let in_use = self.store.db.invalidate_unused(paths)?;
        for path in &in_use {
            // Something that was registered a moment ago refers to it.
            if let Some(idx) = graph.find(path) {
                graph.mark_alive(idx);
            }
        }
        let gone: Vec<&StorePath> = paths
            .iter()
            .filter(|path| !in_use.contains(*path))
            .collect();
        let store = self.store;
        for path in &gone {
            let text = store.location.store_dir.print(path);
            store
                .events()
                .message(Level::Info, &format!("deleting '{text}'"));
            self.result.paths.insert(text.into_bytes());
        }
        let freed: Vec<Result<u64, StoreError>> = gone
            .par_iter()
            .map(|path| {
                fault::point("gc: delete");
                store.remove_object(path.as_str().as_bytes())
            })
            .collect();
        for freed in freed {
            self.add_freed(freed?)?;
        }
        Ok(())
    }

    fn add_freed(&mut self, freed: u64) -> Result<(), Stop> {
        self.result.bytes_freed += freed;
        if self.result.bytes_freed > self.max_freed {
            let text = format!("deleted more than {} bytes; stopping", self.max_freed);
            self.store.events().message(Level::Info, &text);
            return Err(Stop::LimitReached);
        }
        Ok(())
    }

    /// Deletes the paths asked for. Everything that keeps a path alive must be among them.
    pub(super) fn delete_specific(
        &mut self,
        graph: &mut LiveGraph,
        paths: &BTreeSet<StorePath>,
    ) -> Result<(), Stop> {
        for path in paths {
            let still_alive = || {
                Stop::Error(StoreError::StillAlive {
                    path: self.store.location.store_dir.print(path),
                })
            };
            let Some(idx) = graph.find(path) else {
                if self.roots.contains(path) || self.shared.is_temp_root(path.hash_part()) {
                    return Err(still_alive());
                }
                self.delete_entry(graph, path.as_str().as_bytes(), Some(path))?;
                continue;
            };
            let closure = graph.backward_closure(idx);
            let all_meant = closure
                .iter()
                .all(|idx| !graph.is_alive(*idx) && paths.contains(graph.path(*idx)));
            if !all_meant {
                return Err(still_alive());
            }
            let order: Vec<NodeIdx> = graph
                .referrers_first(&closure)
                .into_iter()
                .filter(|idx| {
                    let text = self.store.location.store_dir.print(graph.path(*idx));
                    !self.result.paths.contains(text.as_bytes())
                })
                .collect();
            self.delete_paths(graph, &order)?;
        }
        Ok(())
    }

    /// Names in the store directory that are neither valid nor in use.
    fn leftovers(&self, graph: &LiveGraph) -> Result<Vec<Leftover>, StoreError> {
        let mut found = Vec::new();
        for name in self.store.own_names()? {
            if name == b".links" {
                continue;
            }
            let path = StorePath::parse(&name).ok();
            let kept = path.as_ref().is_some_and(|path| {
                graph.find(path).is_some()
                    || self.roots.contains(path)
                    || self.shared.is_temp_root(path.hash_part())
            });
            if !kept {
                found.push((name, path));
            }
        }
        Ok(found)
    }

    pub(super) fn report_leftovers(&mut self, graph: &LiveGraph) -> Result<(), Stop> {
        let store_dir = &self.store.location.store_dir;
        for (_, path) in self.leftovers(graph)? {
            if let Some(path) = path {
                self.result
                    .paths
                    .insert(store_dir.print(&path).into_bytes());
            }
        }
        Ok(())
    }

    pub(super) fn delete_leftovers(&mut self, graph: &mut LiveGraph) -> Result<(), Stop> {
        for (name, path) in self.leftovers(graph)? {
            // It may have become valid since the picture was taken.
            if let Some(path) = &path
                && self.store.db.is_valid(path)?
            {
                continue;
            }
            self.delete_entry(graph, &name, path.as_ref())?;
        }
        Ok(())
    }

    fn delete_entry(
        &mut self,
        graph: &mut LiveGraph,
        name: &[u8],
        path: Option<&StorePath>,
    ) -> Result<(), Stop> {
        let real_path = self
            .store
            .location
            .physical_dir
            .join(std::ffi::OsStr::from_bytes(name));
        // Someone may be at work in a staging directory; they hold its lock.
        let mut held = None;
        if name.starts_with(b"tmp-") {
            match File::open(&real_path) {
                Ok(file) if try_lock_file(&file, LockKind::Exclusive).unwrap_or(false) => {
                    held = Some(file);
                }
                _ => return Ok(()),
            }
        }
        if let Some(path) = path {
            let hash_part = path.hash_part().to_owned();
            loop {
                if self.shared.is_temp_root(&hash_part) {
                    return Ok(());
                }
                // New roots concern this entry only if it is one of them.
                if self.shared.try_claim([hash_part.clone()]) {
                    break;
                }
                self.learn_new_roots(graph);
            }
        }
        let mut text = self.store.location.store_dir.as_str().as_bytes().to_vec();
        text.push(b'/');
        text.extend_from_slice(name);
        let message = format!("deleting '{}'", String::from_utf8_lossy(&text));
        self.store.events().message(Level::Info, &message);
        self.result.paths.insert(text);
        fault::point("gc: delete leftover");
        let freed = self.store.remove_object(name);
        self.shared.release();
        drop(held);
        self.add_freed(freed?)
    }
}

impl LocalStore {
    /// Removes names in `.links` that are the only name of their file.
    pub(super) fn delete_unused_links(&self) -> Result<(), StoreError> {
        let links = self.location.physical_dir.join(".links");
        self.events()
            .message(Level::Info, "deleting unused links...");
        let (mut actual, mut unshared) = (0_u64, 0_u64);
        for entry in std::fs::read_dir(&links).map_err(path_error("reading", &links))? {
            let path = entry.map_err(path_error("reading", &links))?.path();
            let metadata =
                std::fs::symlink_metadata(&path).map_err(path_error("getting status of", &path))?;
            if metadata.nlink() == 1 {
                fault::point("gc: delete link");
                std::fs::remove_file(&path).map_err(path_error("removing", &path))?;
            } else {
                actual += metadata.len();
                unshared += (metadata.nlink() - 1) * metadata.len();
            }
        }
        let overhead = std::fs::metadata(&links)
            .map_err(path_error("getting status of", &links))?
            .blocks()
            * 512;
        let saved = unshared as i64 - actual as i64 - overhead as i64;
        let text = format!(
            "note: hard linking is currently saving {}",
            crate::render_size(saved)
        );
        self.events().message(Level::Info, &text);
        Ok(())
    }
}
