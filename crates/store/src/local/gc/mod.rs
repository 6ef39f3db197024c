//! Garbage collection.
//!
//! A collection holds `gc.lock` exclusively, so that no process can add a temporary root without
//! telling it (see `temp_roots` and [`server`]). It finds the roots, reads the whole reference
//! graph in one picture, marks what is alive, and deletes the rest: referrers before what they
//! refer to, in batches, first from the database, then from the disk. Whatever a process declares
//! a root in the meantime is marked alive before the next batch is chosen, and a process that
//! declares a root in the very batch being deleted waits until it is gone.
//!
//! What must hold: a path that is a root, or reachable from one, at any moment of the collection
//! keeps its contents and its validity; a crash leaves nothing worse than leftovers.

mod delete;
mod explain;
mod graph;
mod roots;
mod runtime;
mod server;

use std::path::Path;

use firn_events::Level;
use firn_sys::file_lock::{FileLock, LockKind};

use self::delete::Deleter;
use self::graph::{LiveGraph, NodeIdx};
pub(super) use self::server::connect;
use self::server::{RootServer, Shared};
use super::LocalStore;
use crate::error::{StoreError, path_error};
use crate::fault;
use crate::types::{GcAction, GcOptions, GcResult, StorePathSet};

/// What stops deletion before everything dead is gone.
enum Stop {
    /// Enough was freed.
    LimitReached,
    /// Something failed.
    Error(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Error(error)
    }
}

impl LocalStore {
    pub(super) fn collect(&self, options: &GcOptions) -> Result<GcResult, StoreError> {
        self.require_writable("collecting garbage")?;
        let specific = matches!(options.action, GcAction::DeleteSpecific(_));
        let deletes = specific || options.action == GcAction::DeleteDead;
        // Following these edges from paths whose liveness is ignored would delete more than asked.
        let follow_drvs = !(specific && options.ignore_liveness);
        let state_dir = &self.location.state_dir;
        if deletes {
            drop(std::fs::remove_file(state_dir.join("db/reserved")));
        }
        let lock_path = state_dir.join("gc.lock");
        let _lock = FileLock::acquire(&lock_path, LockKind::Exclusive, || {
            let text = "waiting for the big garbage collector lock...";
            self.events().message(Level::Info, text);
        })
        .map_err(path_error("locking", &lock_path))?;
        fault::point("gc: locked");
        wait_for_test(self.options.gc_test_hooks.locked.as_deref());
        let shared = Shared::default();
        let server = RootServer::start(state_dir, &self.location.store_dir, &shared)?;
        let events = self.events();
        events.message(Level::Info, "finding garbage collector roots...");
        let mut root_paths = StorePathSet::new();
        if !options.ignore_liveness {
            root_paths.extend(self.permanent_roots(true)?.into_keys());
        }
        for path in self.temporary_roots()?.into_keys() {
            shared.add_temp_root(path.hash_part());
            root_paths.insert(path);
        }
        wait_for_test(self.options.gc_test_hooks.rooted.as_deref());
        let keep_outputs = follow_drvs && self.options.keep_outputs;
        let keep_derivations = follow_drvs && self.options.keep_derivations;
        let mut graph = LiveGraph::new(self.db.graph()?, keep_outputs, keep_derivations);
        for path in &root_paths {
            if let Some(idx) = graph.find(path) {
                graph.mark_alive(idx);
            }
        }
        let mut deleter = Deleter {
            store: self,
            shared: &shared,
            roots: &root_paths,
            max_freed: options.max_freed,
            result: GcResult::default(),
        };
        deleter.learn_new_roots(&mut graph);
        if !deletes {
            events.message(Level::Info, "determining live/dead paths...");
        }
        let outcome = match &options.action {
            GcAction::ReturnLive => {
                deleter.report(graph.alive());
                Ok(())
            }
            GcAction::ReturnDead => {
                deleter.report(graph.dead());
                deleter.report_leftovers(&graph)
            }
            GcAction::DeleteDead if options.max_freed == 0 => Ok(()),
            GcAction::DeleteDead => {
                events.message(Level::Info, "deleting garbage...");
                let order = graph.dead_referrers_first();
                deleter
                    .delete_paths(&mut graph, &order)
                    .and_then(|()| deleter.delete_leftovers(&mut graph))
            }
            GcAction::DeleteSpecific(paths) => deleter.delete_specific(&mut graph, paths),
        };
        let result = std::mem::take(&mut deleter.result);
        drop(deleter);
        drop(server);
        match outcome {
            Ok(()) | Err(Stop::LimitReached) => {}
            Err(Stop::Error(error)) => return Err(error),
        }
        if deletes {
            self.delete_unused_links()?;
            self.remount_if_needed()?;
        }
        Ok(result)
    }

    /// Collects when space is short, if the settings say so. May take its time.
    pub fn auto_collect(&self) -> Result<(), StoreError> {
        let options = &self.options;
        if options.min_free == 0 {
            return Ok(());
        }
        let now = std::time::Instant::now();
        let mut state = self
            .auto_gc
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let interval = std::time::Duration::from_secs(options.min_free_check_interval);
        if state.last_check.is_some_and(|last| now < last + interval) {
            return Ok(());
        }
        let available = self.free_space()?;
        state.last_check = Some(now);
        let worth_it = state.available_after.is_none_or(|after| {
            // Collecting again right after a collection that freed little gains nothing.
            available as f64 <= after as f64 * 0.97
        });
        if available >= options.min_free || available >= options.max_free || !worth_it {
            return Ok(());
        }
        let max_freed = options.max_free - available;
        let text = format!("running auto-GC to free {max_freed} bytes");
        self.events().message(Level::Info, &text);
        self.collect(&GcOptions {
            max_freed,
            ..GcOptions::new(GcAction::DeleteDead)
        })?;
        state.available_after = Some(self.free_space()?);
        state.last_check = Some(std::time::Instant::now());
        Ok(())
    }

    fn free_space(&self) -> Result<u64, StoreError> {
        if let Some(file) = &self.options.gc_test_hooks.free_space {
            let text = std::fs::read_to_string(file).map_err(path_error("reading", file))?;
            return text.trim().parse().map_err(StoreError::format);
        }
        let physical = &self.location.physical_dir;
        firn_sys::file::free_space(physical)
            .map_err(path_error("getting filesystem info about", physical))
    }
}

/// When the next look at free space is due.
#[derive(Default)]
pub(super) struct AutoGc {
    last_check: Option<std::time::Instant>,
    available_after: Option<u64>,
}

/// Reads a file (which may be a pipe that somebody writes to when they are ready).
fn wait_for_test(file: Option<&Path>) {
    if let Some(file) = file {
        drop(std::fs::read(file));
    }
}
