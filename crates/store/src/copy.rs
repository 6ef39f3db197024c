//! Copying closures from any store to any other.
//!
//! Paths go in parallel, each as soon as everything it refers to has arrived, straight from the
//! one store's reader to the other's writer: memory does not grow with what is copied. The
//! receiving store checks what arrives; this module trusts neither side.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, PipeWriter, Read, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use firn_events::{ActivityGuard, ActivityKind, ActivityType, Level, Progress, SharedSink};
use firn_store_model::{StorePath, ValidPathInfo};

use crate::error::StoreError;
use crate::store::Store;
use crate::types::{NarOptions, StorePathSet};

/// How paths are copied.
#[derive(Clone)]
pub struct CopyOptions {
    /// Copy what is there already, too.
    pub repair: bool,
    /// Demand a signature by a trusted key, where the receiving store is set up to demand one.
    pub check_signatures: bool,
    /// Let the receiving store substitute what it can first.
    pub substitute: bool,
    /// How many paths are copied at once.
    pub n_jobs: usize,
    /// Who is told what happens.
    pub events: SharedSink,
}

/// Copies paths and everything they refer to. Returns the paths that were missing.
pub fn copy_closure(
    from: &dyn Store,
    to: &dyn Store,
    paths: &StorePathSet,
    options: &CopyOptions,
) -> Result<StorePathSet, StoreError> {
    let infos = closure_infos(from, paths)?;
    copy_infos(from, to, infos, options)
}

/// Copies paths alone; what they refer to must be there or among them.
pub fn copy_paths(
    from: &dyn Store,
    to: &dyn Store,
    paths: &StorePathSet,
    options: &CopyOptions,
) -> Result<StorePathSet, StoreError> {
    let infos = infos_of(from, paths)?;
    copy_infos(from, to, infos, options)
}

type Infos = BTreeMap<StorePath, Arc<ValidPathInfo>>;

/// What a store knows of paths that have to be valid.
fn infos_of(store: &dyn Store, paths: &StorePathSet) -> Result<Infos, StoreError> {
    let infos = store.query_path_infos(paths)?;
    match paths.iter().find(|path| !infos.contains_key(*path)) {
        None => Ok(infos),
        Some(path) => Err(StoreError::InvalidPath {
            path: store.store_dir().print(path),
        }),
    }
}

/// The same for everything that is referred to, one rank of references after the other.
fn closure_infos(store: &dyn Store, paths: &StorePathSet) -> Result<Infos, StoreError> {
    let mut infos = Infos::new();
    let mut frontier = paths.clone();
    while !frontier.is_empty() {
        let found = infos_of(store, &frontier)?;
        frontier = found
            .values()
            .flat_map(|info| &info.references)
            .filter(|path| !infos.contains_key(*path) && !found.contains_key(*path))
            .cloned()
            .collect();
        infos.extend(found);
    }
    Ok(infos)
}

fn copy_infos(
    from: &dyn Store,
    to: &dyn Store,
    mut infos: Infos,
    options: &CopyOptions,
) -> Result<StorePathSet, StoreError> {
    if from.store_dir() != to.store_dir() {
        return Err(StoreError::other(format!(
            "cannot copy from '{}' to '{}' because their store directories '{}' and '{}' differ",
            from.url(),
            to.url(),
            from.store_dir(),
            to.store_dir()
        )));
    }
    let all: StorePathSet = infos.keys().cloned().collect();
    if options.substitute {
        to.substitute_paths(&all)?;
    }
    if !options.repair {
        for path in to.query_valid_paths(&all)? {
            infos.remove(&path);
        }
    }
    let missing: StorePathSet = infos.keys().cloned().collect();
    if missing.is_empty() {
        return Ok(missing);
    }
    // What is on its way must not be collected before its referrers arrive.
    let roots: Vec<StorePath> = missing.iter().cloned().collect();
    to.add_temp_roots(&roots)?;
    let plural = if missing.len() == 1 { "" } else { "s" };
    let activity = ActivityGuard::start(
        &options.events,
        None,
        Level::Info,
        format!("copying {} path{plural}", missing.len()),
        ActivityKind::CopyPaths,
    );
    let nar_size = infos.values().map(|info| info.nar_size).sum();
    activity.set_expected(ActivityType::CopyPath, nar_size);
    let schedule = Schedule::new(&infos);
    std::thread::scope(|scope| {
        for _ in 0..options.n_jobs.clamp(1, missing.len()) {
            scope.spawn(|| {
                while let Some(path) = schedule.next() {
                    let result = copy_path(from, to, &infos[&path], options, &activity);
                    activity.progress(schedule.finished(&path, result));
                }
            });
        }
    });
    schedule.into_result().map(|()| missing)
}

/// Copies one path.
fn copy_path(
    from: &dyn Store,
    to: &dyn Store,
    info: &ValidPathInfo,
    options: &CopyOptions,
    parent: &ActivityGuard,
) -> Result<(), StoreError> {
    let shown = from.store_dir().print(&info.path);
    let (from_url, to_url) = (from.url(), to.url());
    let _activity = ActivityGuard::start(
        &options.events,
        Some(parent.id()),
        Level::Info,
        format!("copying path '{shown}' from '{from_url}' to '{to_url}'"),
        ActivityKind::CopyPath {
            path: shown.into_bytes(),
            from: from_url,
            to: to_url,
        },
    );
    let mut info = info.clone();
    // Only the store that built a path knows that it did.
    info.ultimate = false;
    info.registration_time = 0;
    let nar_options = NarOptions {
        repair: options.repair,
        check_signatures: options.check_signatures,
    };
    pipe(
        |out| from.nar_from_path(&info.path, out),
        |source| to.add_nar(&info, source, nar_options),
    )
}

/// Runs a producer and a consumer of bytes side by side. When both fail, the cause is told: a
/// consumer that was cut off because the producer failed only knows that something is missing, and
/// a producer that was cut off only knows that nobody listens.
pub fn pipe(
    produce: impl FnOnce(&mut dyn Write) -> Result<(), StoreError> + Send,
    consume: impl FnOnce(&mut dyn Read) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let (mut reader, writer) =
        io::pipe().map_err(|error| StoreError::other(format!("making a pipe: {error}")))?;
    std::thread::scope(|scope| {
        let producer = scope.spawn(|| {
            let mut listened = Listened {
                writer,
                was_cut_off: false,
            };
            let produced = produce(&mut listened);
            (produced, listened.was_cut_off)
        });
        let consumed = consume(&mut reader);
        drop(reader);
        match producer.join().expect("a producer does not panic") {
            (_, true) | (Ok(()), _) => consumed,
            (Err(error), false) => Err(error),
        }
    })
}

/// Notices that the other end of a pipe was closed.
struct Listened {
    writer: PipeWriter,
    was_cut_off: bool,
}

impl Write for Listened {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.writer.write(bytes);
        self.was_cut_off |=
            matches!(&result, Err(error) if error.kind() == io::ErrorKind::BrokenPipe);
        result
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Which path may go next: one whose references among the paths have all arrived.
struct Schedule<'a> {
    infos: &'a Infos,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    ready: Vec<StorePath>,
    /// For each path that waits, how many references it waits for.
    waiting: BTreeMap<StorePath, usize>,
    referrers: BTreeMap<StorePath, Vec<StorePath>>,
    progress: Progress,
    failure: Option<StoreError>,
}

impl Schedule<'_> {
    fn new(infos: &Infos) -> Schedule<'_> {
        let mut state = State {
            ready: Vec::new(),
            waiting: BTreeMap::new(),
            referrers: BTreeMap::new(),
            progress: Progress {
                expected: infos.len() as u64,
                ..Progress::default()
            },
            failure: None,
        };
        for (path, info) in infos {
            let awaited: BTreeSet<&StorePath> = info
                .references
                .iter()
                .filter(|reference| *reference != path && infos.contains_key(*reference))
                .collect();
            if awaited.is_empty() {
                state.ready.push(path.clone());
            } else {
                state.waiting.insert(path.clone(), awaited.len());
            }
            for reference in awaited {
                state
                    .referrers
                    .entry(reference.clone())
                    .or_default()
                    .push(path.clone());
            }
        }
        Schedule {
            infos,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// The next path to copy; `None` when there will be none. Large ones go first, so that none is
    /// left alone at the end.
    fn next(&self) -> Option<StorePath> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.failure.is_some() {
                return None;
            }
            let largest =
                (0..state.ready.len()).max_by_key(|idx| self.infos[&state.ready[*idx]].nar_size);
            if let Some(idx) = largest {
                state.progress.running += 1;
                return Some(state.ready.swap_remove(idx));
            }
            if state.progress.running == 0 {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn finished(&self, path: &StorePath, result: Result<(), StoreError>) -> Progress {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.progress.running -= 1;
        if let Err(error) = result {
            state.progress.failed += 1;
            state.failure.get_or_insert(error);
        } else {
            state.progress.done += 1;
            for referrer in state.referrers.remove(path).unwrap_or_default() {
                let n_awaited = state.waiting.get_mut(&referrer).expect("a referrer waits");
                *n_awaited -= 1;
                if *n_awaited == 0 {
                    state.waiting.remove(&referrer);
                    state.ready.push(referrer);
                }
            }
        }
        self.changed.notify_all();
        state.progress
    }

    fn into_result(self) -> Result<(), StoreError> {
        let state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = state.failure {
            return Err(error);
        }
        // Whatever still waits does so in a circle.
        match state.waiting.first_key_value() {
            None => Ok(()),
            Some((path, _)) => Err(StoreError::other(format!(
                "path '{path}' refers to itself by way of others"
            ))),
        }
    }
}
