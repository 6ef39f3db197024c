//! Building on another machine.
//!
//! A thread of its own opens the machine's store, copies the inputs there, has the derivation built,
//! and copies back what is missing here. The outputs are locked here until they are copied, as for a build
//! on this machine; what the builder writes there goes to the log here. A machine that cannot be reached
//! is told about once and left out from then on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use firn_events::{ActivityGuard, ActivityKind, Event, EventSink, Level, SharedSink};
use firn_store::{
    BuildMode, BuildResult, BuildStatus, CopyOptions, LocalStore, Store, StoreError, StorePathSet,
    copy_closure, copy_paths,
};
use firn_store_model::{DerivedPath, OutputName, OutputsSpec, SingleDerivedPath, StorePath};
use firn_sys::file_lock::{FileLock, LockKind, PathLock};

use crate::derivation_goal::Stage;
use crate::goal::{GoalKey, Outcome, Success};
use crate::launching::finish_outputs;
use crate::log::BuildLog;
use crate::machines::{Machine, Slot};
use crate::prepare::BuildInputs;
use crate::scheduler::{Message, Scheduler, render_error};
use crate::{BuildError, BuildSettings};

/// Opens the stores of machines.
pub trait MachineOpener: fmt::Debug + Send + Sync {
    /// Opens the store of a machine; what happens there is told to the sink.
    fn open(&self, machine: &Machine, events: SharedSink) -> Result<Arc<dyn Store>, StoreError>;
}

/// A build on another machine.
pub(crate) struct RemoteBuild {
    pub(crate) key: GoalKey,
    /// The store there, once it is open.
    store: Arc<Mutex<Option<Arc<dyn Store>>>>,
    pub(crate) is_unwanted: bool,
}

impl RemoteBuild {
    /// Has the other side give up soon.
    pub(crate) fn interrupt(&mut self) {
        if !self.is_unwanted {
            self.is_unwanted = true;
            if let Some(store) = &*lock(&self.store) {
                store.interrupt();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears what happens on the other machine: lines of the builder go to the log of the build, the
/// rest goes on to whoever watches.
struct Relay {
    log: Arc<Mutex<Option<BuildLog>>>,
    events: SharedSink,
}

impl EventSink for Relay {
    fn emit(&self, event: Event) {
        match event {
            Event::BuildLogLine { line, .. } => {
                if let Some(log) = &mut *lock(&self.log) {
                    // A log that cannot be written is told of when it is finished.
                    log.write(&[&line[..], b"\n"].concat()).ok();
                }
            }
            Event::SetPhase { phase, .. } => {
                if let Some(log) = &mut *lock(&self.log) {
                    log.set_phase(phase);
                }
            }
            // The build is known here by another name, and told of already.
            Event::Start {
                kind: ActivityKind::Build { .. } | ActivityKind::Builds | ActivityKind::Realise,
                ..
            } => {}
            other => self.events.emit(other),
        }
    }

    fn wants(&self, level: Level) -> bool {
        self.events.wants(level)
    }
}

/// Everything that a build on another machine needs.
struct Errand {
    store: Arc<LocalStore>,
    settings: Arc<BuildSettings>,
    machine: Machine,
    inputs: BuildInputs,
    log: Arc<Mutex<Option<BuildLog>>>,
    events: SharedSink,
    handle: Arc<Mutex<Option<Arc<dyn Store>>>>,
}

/// Why an errand came to nothing.
enum Trouble {
    /// The machine cannot be reached; another may do it.
    Unreachable(StoreError),
    Failed(BuildError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Trouble::Failed(error.into())
    }
}

impl Scheduler {
    /// Starts a build on another machine.
    pub(crate) fn start_remote(
        &mut self,
        key: &GoalKey,
        slot: Slot,
        inputs: BuildInputs,
        locks: PathLock,
    ) -> Result<(), BuildError> {
        let machine = self.machines.list[slot.machine_idx].clone();
        self.remove_leftovers(&inputs)?;
        self.set_stage(key, Stage::Building);
        let activity = self.announce(&inputs, &machine.url);
        let log = self.begin_log(&inputs.drv_path, activity)?;
        let log = Arc::new(Mutex::new(Some(log)));
        let handle = Arc::new(Mutex::new(None));
        self.remote_builds.push(RemoteBuild {
            key: key.clone(),
            store: Arc::clone(&handle),
            is_unwanted: false,
        });
        let errand = Errand {
            store: Arc::clone(&self.store),
            settings: Arc::clone(&self.settings),
            machine,
            inputs,
            log,
            events: Arc::clone(&self.events),
            handle,
        };
        let (key, report) = (key.clone(), self.reporter());
        std::thread::spawn(move || {
            let mut locks = Some(locks);
            let outcome = errand.run(&mut locks);
            let log = lock(&errand.log).take();
            let machine_idx = slot.machine_idx;
            drop(slot);
            let outcome = match outcome {
                Ok(success) => Ok(success),
                Err(Trouble::Failed(error)) => Err(error),
                Err(Trouble::Unreachable(error)) => {
                    let text = format!("cannot build on '{}': {error}", errand.machine.url);
                    errand.events.message(Level::Error, &render_error(&text));
                    drop((log, locks));
                    return report(Message::Declined(key, machine_idx));
                }
            };
            // Whoever wants the log finds it when the build is over.
            drop(log.map(BuildLog::finish));
            drop(locks);
            report(Message::BuiltElsewhere(key, outcome));
        });
        Ok(())
    }
}

impl Errand {
    fn run(&self, locks: &mut Option<PathLock>) -> Result<Success, Trouble> {
        let started_at = crate::launching::seconds_since_epoch();
        let relay: SharedSink = Arc::new(Relay {
            log: Arc::clone(&self.log),
            events: Arc::clone(&self.events),
        });
        let opener = self.settings.machine_opener.as_ref();
        let opener = opener.ok_or_else(|| BuildError::misc("no way to other machines is known"));
        let opener = opener.map_err(Trouble::Failed)?;
        let store = {
            let _activity = self.activity(format!("connecting to '{}'", self.machine.url));
            let store = opener
                .open(&self.machine, relay)
                .map_err(Trouble::Unreachable)?;
            store.introduce().map_err(Trouble::Unreachable)?;
            store
        };
        *lock(&self.handle) = Some(Arc::clone(&store));
        self.send_inputs(&*store)?;
        let result = self.build(&*store)?;
        if !result.status.is_success() {
            if self.settings.keep_failed {
                self.events.message(
                    Level::Warn,
                    "The failed build directory was kept on the remote builder due to `--keep-failed`.",
                );
            }
            return Err(Trouble::Failed(self.failure(&result)));
        }
        // Whoever copies a path locks it. Somebody else who comes first builds what is built
        // already, which costs time and nothing else.
        if let Some(mut locks) = locks.take() {
            locks.remove_on_release();
        }
        let outputs = self.fetch_outputs(&*store, &result)?;
        finish_outputs(&self.store, &self.settings, &self.inputs, &outputs)
            .map_err(Trouble::Failed)?;
        Ok(Success {
            status: BuildStatus::Built,
            outputs: Arc::new(outputs),
            time: (started_at, crate::launching::seconds_since_epoch()),
            cpu_time: None,
        })
    }

    fn activity(&self, text: String) -> ActivityGuard {
        let kind = ActivityKind::Unknown;
        ActivityGuard::start(&self.events, None, Level::Talkative, text, kind)
    }

    fn copying(&self) -> CopyOptions {
        CopyOptions {
            repair: false,
            check_signatures: false,
            substitute: false,
            n_jobs: 1,
            events: Arc::clone(&self.events),
        }
    }

    fn send_inputs(&self, store: &dyn Store) -> Result<(), Trouble> {
        let url = &self.machine.url;
        // One process at a time uploads to a machine, as all do it over the same line.
        let directory = self.store.location().state_dir.join("current-load");
        let name = format!("{}.upload-lock", url.replace('/', "_"));
        let waiting = self.activity(format!("waiting for the upload lock to '{url}'"));
        let _upload = FileLock::acquire(&directory.join(name), LockKind::Exclusive, || {}).ok();
        drop(waiting);
        let _activity = self.activity(format!("copying dependencies to '{url}'"));
        let inputs = &self.inputs.input_paths;
        if self.settings.builders_use_substitutes {
            store.substitute_paths(inputs)?;
        }
        copy_paths(&*self.store, store, inputs, &self.copying())?;
        Ok(())
    }

    /// Has the derivation built there: as it is where we are trusted or its outputs are named by
    /// contents, otherwise by its own path, so that the other side can check all of it.
    fn build(&self, store: &dyn Store) -> Result<BuildResult, Trouble> {
        let inputs = &self.inputs;
        let is_trusted = store.traits().trusts_us.unwrap_or(true);
        if is_trusted || inputs.kind.is_content_addressed() {
            let mut derivation = (*inputs.derivation).clone();
            if !derivation.input_drvs.is_empty() {
                derivation.input_srcs.clone_from(&inputs.input_paths);
                derivation.input_drvs.clear();
            }
            return Ok(store.build_derivation(&inputs.drv_path, &derivation, BuildMode::Normal)?);
        }
        let drv = StorePathSet::from([inputs.drv_path.clone()]);
        copy_closure(&*self.store, store, &drv, &self.copying())?;
        let wanted = DerivedPath::Built {
            drv: Arc::new(SingleDerivedPath::Opaque(inputs.drv_path.clone())),
            outputs: OutputsSpec::All,
        };
        let results = store.build_paths_with_results(&[wanted], BuildMode::Normal)?;
        results.into_iter().next().ok_or_else(|| {
            Trouble::Failed(BuildError::misc(
                "the other machine did not say what it built",
            ))
        })
    }

    /// The failure there, with the last lines of the log here.
    fn failure(&self, result: &BuildResult) -> BuildError {
        let mut message = result.error.clone();
        if message.is_empty() {
            "the builder failed".clone_into(&mut message);
        }
        BuildError::new(
            result.status,
            format!("{message}\n(on '{}')", self.machine.url),
        )
    }

    /// Copies back what is not here yet.
    fn fetch_outputs(
        &self,
        store: &dyn Store,
        result: &BuildResult,
    ) -> Result<BTreeMap<OutputName, StorePath>, Trouble> {
        let mut outputs = BTreeMap::new();
        for (name, output) in &self.inputs.outputs {
            let path = match (&output.path, result.outputs.get(name)) {
                (Some(path), _) => path.clone(),
                (None, Some(realisation)) => realisation.out_path.clone(),
                (None, None) => {
                    return Err(Trouble::Failed(BuildError::misc(format!(
                        "'{}' did not say what output '{name}' is",
                        self.machine.url
                    ))));
                }
            };
            outputs.insert(name.clone(), path);
        }
        let mut missing = StorePathSet::new();
        for path in outputs.values() {
            if !self.store.is_valid_path(path)? {
                missing.insert(path.clone());
            }
        }
        if !missing.is_empty() {
            let url = &self.machine.url;
            let _activity = self.activity(format!("copying outputs from '{url}'"));
            copy_paths(store, &*self.store, &missing, &self.copying())?;
        }
        Ok(outputs)
    }
}

impl Scheduler {
    /// A build elsewhere is over.
    pub(crate) fn built_elsewhere(&mut self, key: &GoalKey, outcome: Outcome) {
        let unwanted = self.remote_build_ended(key);
        if unwanted {
            let error = BuildError::new(BuildStatus::Cancelled, "the build was cancelled");
            return self.finish(key, Err(error));
        }
        self.finish(key, outcome);
    }

    /// A machine could not be reached: the build is still to be done.
    pub(crate) fn declined(&mut self, key: &GoalKey, machine_idx: usize) {
        self.machines.unreachable.insert(machine_idx);
        if !self.remote_build_ended(key) {
            self.set_stage(key, Stage::Buildable);
            self.buildable.insert(key.clone());
        }
    }

    fn remote_build_ended(&mut self, key: &GoalKey) -> bool {
        let at = self.remote_builds.iter().position(|it| it.key == *key);
        at.is_some_and(|at| self.remote_builds.remove(at).is_unwanted)
    }
}
