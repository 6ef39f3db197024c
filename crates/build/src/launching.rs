//! From a buildable derivation to a running builder, and from its end to registered outputs.
//!
//! The locks on the output paths are taken before anything is touched and held until the outputs
//! are valid, so two processes that want one derivation share the work: the second waits, then
//! finds it done.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use firn_events::{ActivityGuard, ActivityKind, Level, SharedSink};
use firn_store::derivation::HashModulos;
use firn_store::{BuildMode, BuildStatus, LocalStore, Store as _, fault};
use firn_store_model::{OutputName, OutputsSpec, StorePath};
use firn_sys::cgroup::Cgroup;
use firn_sys::file_lock::PathLock;
use firn_sys::launcher::{Event, Launcher};
use firn_sys::pseudo_terminal::PseudoTerminal;

use crate::derivation_goal::{Stage, success, valid_paths};
use crate::goal::{GoalKey, Outcome, Success};
use crate::log::BuildLog;
use crate::machines::{Choice, Slot};
use crate::prepare::{BuildInputs, PreparedBuild, Surroundings, use_sandbox};
use crate::resolve::note_outputs;
use crate::running::RunningBuild;
use crate::scheduler::{Message, Scheduler, render_error};
use crate::{BuildError, BuildSettings, builtin, debug, external, hooks, outputs, users};

/// How long machines that are busy are left alone.
const MACHINES_PAUSE: Duration = Duration::from_millis(300);

impl Scheduler {
    /// Starts builders while there are free slots.
    pub(crate) fn start_builds(&mut self) {
        let mut held = Vec::new();
        self.machines_at = None;
        while self.n_occupied() < self.settings.max_jobs || !self.machines.list.is_empty() {
            let Some(key) = self.buildable.pop(&self.graph, &mut self.history) else {
                break;
            };
            if self.is_ending() && !self.is_needed(&key) {
                held.push(key);
                continue;
            }
            // One that waits for another process has its next turn by the clock.
            match self.start_somewhere(&key) {
                Ok(true) => {}
                Ok(false) => held.push(key),
                Err(error) => {
                    self.no_longer_postponed(&key);
                    self.finish(&key, Err(error));
                }
            }
        }
        for key in held {
            self.buildable.insert(key);
        }
    }

    /// Starts a build here or on another machine; false if there is no room for it now.
    fn start_somewhere(&mut self, key: &GoalKey) -> Result<bool, BuildError> {
        if self.machines.list.is_empty() {
            return self.try_start(key, None).map(|()| true);
        }
        let Some(goal) = self.graph.derivation(key) else {
            return Ok(true);
        };
        let (drv_path, mode) = (goal.drv_path.clone(), goal.mode);
        let loaded = self.loaded(key)?;
        let can_build_here = self.reasons_against(&loaded).is_empty();
        let prefers_here = mode != BuildMode::Normal || loaded.options.prefer_local_build;
        if !(can_build_here && prefers_here) {
            let platform = String::from_utf8_lossy(&loaded.derivation.platform);
            let features = &loaded.options.required_system_features;
            match self.machines.choose(&platform, features) {
                Choice::Free(slot) => return self.try_start(key, Some(slot)).map(|()| true),
                Choice::Busy if !can_build_here => {
                    self.machines_at = Some(Instant::now() + MACHINES_PAUSE);
                    return Ok(false);
                }
                Choice::Nobody if !can_build_here => {
                    self.check_buildable(&drv_path, &loaded)?;
                }
                Choice::Busy | Choice::Nobody => {}
            }
        }
        if self.n_occupied() < self.settings.max_jobs {
            return self.try_start(key, None).map(|()| true);
        }
        Ok(false)
    }

    /// Slots that are taken. Outputs may be registered while the next builders run; with one slot a
    /// failure there comes first.
    fn n_occupied(&self) -> usize {
        if self.settings.max_jobs == 1 {
            self.running.len() + self.n_registering
        } else {
            self.running.len() + self.n_builtins
        }
    }

    /// Starts a build, or finds it done, or postpones it because another process is in the way.
    fn try_start(&mut self, key: &GoalKey, slot: Option<Slot>) -> Result<(), BuildError> {
        let Some(goal) = self.graph.get(key) else {
            return Ok(());
        };
        if goal.outcome.is_some() {
            return Ok(());
        }
        let mut inputs = self.build_inputs(key)?;
        let Some(mut locks) = self.lock_outputs(&inputs)? else {
            if !self.is_postponed(key) {
                let paths: Vec<_> = self
                    .lock_paths(&inputs)
                    .iter()
                    .map(|path| format!("'{}'", path.display()))
                    .collect();
                let text = format!("waiting for lock on {}", paths.join(", "));
                self.postpone(key, text, &inputs.drv_path);
            }
            return Ok(());
        };
        // Somebody may have built it while we waited for the lock.
        let loaded = self.loaded(key)?;
        inputs.outputs = self.initial_outputs(&inputs.drv_path, &loaded, inputs.mode)?;
        if inputs.mode == BuildMode::Normal
            && !inputs.kind.is_impure()
            && let Some(paths) = valid_paths(&inputs.outputs, &OutputsSpec::All)
        {
            locks.remove_on_release();
            self.no_longer_postponed(key);
            self.finish(key, Ok(success(BuildStatus::AlreadyValid, paths)));
            return Ok(());
        }
        if let Some(slot) = slot {
            self.no_longer_postponed(key);
            return self.start_remote(key, slot, inputs, locks);
        }
        let is_builtin = inputs.derivation.is_builtin();
        let external = external::builder_for(&self.settings, &inputs.derivation.platform);
        let external = external.filter(|_| !self.is_own_system(&inputs)).cloned();
        let sandboxed = external.is_none() && use_sandbox(&self.store, &self.settings, &inputs)?;
        let features = &inputs.options.required_system_features;
        let has_range = !is_builtin && users::wants_range(&self.settings, features, sandboxed)?;
        let user = if users::are_used(&self.settings, sandboxed) && !is_builtin {
            let state_dir = &self.store.location().state_dir;
            let user = users::acquire(&self.settings, state_dir, sandboxed, has_range)?;
            if user.is_none() {
                if !self.is_postponed(key) {
                    let text = format!(
                        "waiting for a free build user ID for '{}'",
                        self.store.store_dir().print(&inputs.drv_path)
                    );
                    self.postpone(key, text, &inputs.drv_path);
                }
                return Ok(());
            }
            user
        } else {
            None
        };
        self.no_longer_postponed(key);
        self.remove_leftovers(&inputs)?;
        self.set_stage(key, Stage::Building);
        let activity = self.announce(&inputs, "");
        let builder = String::from_utf8_lossy(&inputs.derivation.builder);
        self.events
            .message(Level::Chatty, &format!("executing builder '{builder}'"));
        let store = Arc::clone(&self.store);
        let settings = Arc::clone(&self.settings);
        let place = match (&external, sandboxed) {
            (Some(_), _) => Surroundings::Elsewhere,
            (None, true) => Surroundings::Sandbox,
            (None, false) => Surroundings::Host,
        };
        let (closures, pool) = (&mut self.closures, &self.directories);
        let mut prepared =
            PreparedBuild::new(&store, &settings, inputs, user, place, closures, pool)?;
        self.open_store_to(key, &mut prepared)?;
        if let Some(external) = &external {
            external::hand_over(&mut prepared, external, &store, &settings)?;
        }
        let log = self.begin_log(&prepared.inputs.drv_path, activity)?;
        if is_builtin {
            self.run_builtin(key, prepared, locks, log);
            return Ok(());
        }
        let running = self.launch(key, prepared, locks, log)?;
        self.running.push(running);
        Ok(())
    }

    /// Whether this machine runs the builder itself.
    fn is_own_system(&self, inputs: &BuildInputs) -> bool {
        let platform = String::from_utf8_lossy(&inputs.derivation.platform);
        *platform == self.settings.system || self.settings.extra_platforms.contains(&*platform)
    }

    /// Begins the log of a build.
    pub(crate) fn begin_log(
        &self,
        drv_path: &StorePath,
        activity: ActivityGuard,
    ) -> Result<BuildLog, BuildError> {
        let log_path = self
            .settings
            .keep_log
            .then(|| self.store.log_path(drv_path));
        BuildLog::begin(
            log_path.as_deref(),
            self.settings.compress_log,
            activity,
            self.settings.log_lines,
        )
        .map_err(|error| {
            BuildError::misc(format!(
                "creating log file '{}': {}",
                log_path.unwrap_or_default().display(),
                crate::error::plain(&error)
            ))
        })
    }

    fn lock_paths(&self, inputs: &BuildInputs) -> Vec<PathBuf> {
        inputs
            .outputs
            .iter()
            .map(|(name, output)| match &output.path {
                Some(path) if inputs.kind.has_known_output_paths() => {
                    self.store.location().physical_path(path)
                }
                _ => {
                    let mut path = self
                        .store
                        .location()
                        .physical_path(&inputs.drv_path)
                        .into_os_string();
                    path.push(format!(".{name}"));
                    PathBuf::from(path)
                }
            })
            .collect()
    }

    fn lock_outputs(&self, inputs: &BuildInputs) -> Result<Option<PathLock>, BuildError> {
        let paths = self.lock_paths(inputs);
        let paths: Vec<_> = paths.iter().map(PathBuf::as_path).collect();
        PathLock::try_acquire(&paths).map_err(BuildError::io(
            "locking",
            paths.first().copied().unwrap_or(std::path::Path::new("")),
        ))
    }

    /// Removes what interrupted builds left where the outputs belong.
    pub(crate) fn remove_leftovers(&self, inputs: &BuildInputs) -> Result<(), BuildError> {
        if inputs.kind.is_impure() {
            return Ok(());
        }
        for output in inputs.outputs.values() {
            if let (Some(path), false) = (&output.path, output.valid)
                && !(inputs.mode == BuildMode::Repair && self.store.is_valid_path(path)?)
            {
                self.store.add_temp_roots(std::slice::from_ref(path))?;
                let real_path = self.store.location().physical_path(path);
                firn_sys::file::remove_tree(&real_path)
                    .map_err(BuildError::io("deleting", &real_path))?;
            }
        }
        Ok(())
    }

    pub(crate) fn announce(&self, inputs: &BuildInputs, machine: &str) -> ActivityGuard {
        let drv_path = self.store.store_dir().print(&inputs.drv_path);
        let text = match inputs.mode {
            BuildMode::Normal if !machine.is_empty() => {
                format!("building '{drv_path}' on '{machine}'")
            }
            BuildMode::Normal => format!("building '{drv_path}'"),
            BuildMode::Repair => format!("repairing outputs of '{drv_path}'"),
            BuildMode::Check => format!("checking outputs of '{drv_path}'"),
        };
        ActivityGuard::start(
            &self.events,
            None,
            Level::Info,
            text,
            ActivityKind::Build {
                drv_path: drv_path.into_bytes(),
                machine: machine.to_owned(),
                round: 1,
                n_rounds: 1,
            },
        )
    }

    fn launch(
        &mut self,
        key: &GoalKey,
        prepared: PreparedBuild,
        locks: PathLock,
        log: BuildLog,
    ) -> Result<RunningBuild, BuildError> {
        let failed = |error: std::io::Error| {
            BuildError::misc(format!(
                "cannot start a builder: {}",
                crate::error::plain(&error)
            ))
        };
        if self.launcher.is_none() {
            self.launcher = Some(Launcher::start(&self.settings.launcher).map_err(failed)?);
        }
        let launcher = self.launcher.as_mut().expect("started above");
        let terminal = PseudoTerminal::open(prepared.owner).map_err(failed)?;
        let (errors, errors_in) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
            .map_err(|error| failed(error.into()))?;
        RunningBuild::set_nonblocking(&terminal.reader).map_err(failed)?;
        let range = prepared.range;
        let parent = match (&self.settings.cgroup, &self.settings.range_cgroup) {
            (Some(parent), _) => Some(parent),
            (None, Ok(parent)) if range.is_some() => Some(parent),
            _ => None,
        };
        let cgroup = match parent {
            None => None,
            Some(parent) => {
                let failed = BuildError::io("making a control group in", parent);
                let group = Cgroup::new(parent).and_then(|group| {
                    range.map_or(Ok(()), |(uid, gid)| group.give_to(uid, gid))?;
                    Ok(group)
                });
                Some(group.map_err(failed)?)
            }
        };
        let mut spec = prepared.spec.clone();
        let group = cgroup.as_ref().map(|group| group.path().as_os_str());
        spec.cgroup = group.map(|group| group.as_bytes().to_vec());
        let id = launcher
            .launch(spec, terminal.writer.as_fd(), errors_in.as_fd())
            .map_err(failed)?;
        fault::point("watch a builder");
        let now = Instant::now();
        Ok(RunningBuild {
            key: key.clone(),
            id,
            prepared,
            locks,
            log,
            cgroup,
            output: Some(terminal.reader),
            errors: Some(errors),
            setup_failure: String::new(),
            exit: None,
            verdict: None,
            is_unwanted: false,
            started: now,
            started_at: seconds_since_epoch(),
            last_output: now,
            out_of_sight: None,
        })
    }

    // --- While it runs ---------------------------------------------------------------------------

    pub(crate) fn builder_wrote(&mut self, idx: usize) {
        let settings = Arc::clone(&self.settings);
        let running = &mut self.running[idx];
        let had_verdict = running.verdict.is_some();
        if let Err(error) = running.read_output(&settings) {
            running.verdict = Some(BuildError::misc(format!(
                "writing the build log: {}",
                crate::error::plain(&error)
            )));
        }
        if running.verdict.is_some() && !had_verdict {
            self.kill(idx);
        }
    }

    fn kill(&self, idx: usize) {
        if let Some(launcher) = &self.launcher {
            drop(launcher.kill(self.running[idx].id));
        }
    }

    pub(crate) fn builder_exited(&mut self) {
        let Some(launcher) = &self.launcher else {
            return;
        };
        match launcher.next_event() {
            Ok(Some(Event::Shown { token, error })) => {
                if let Some(reply) = self.shows.remove(&token) {
                    // Whoever asked may be gone by now.
                    drop(reply.send(error.map_or(Ok(()), Err)));
                }
            }
            Ok(Some(Event::Exited(exit))) => {
                if let Some(running) = self
                    .running
                    .iter_mut()
                    .find(|running| running.id == exit.id)
                {
                    running.exit = Some(exit.status);
                }
            }
            Ok(None) | Err(_) => self.launcher_died(),
        }
    }

    /// Shows a path to a running builder.
    pub(crate) fn show(
        &mut self,
        key: &GoalKey,
        source: &[u8],
        target: &[u8],
        reply: Sender<Result<(), String>>,
    ) {
        let running = self.running.iter().find(|running| running.key == *key);
        let (Some(running), Some(launcher)) = (running, &self.launcher) else {
            return;
        };
        let token = self.next_show;
        self.next_show += 1;
        match launcher.show(running.id, token, source, target) {
            Ok(()) => drop(self.shows.insert(token, reply)),
            Err(error) => drop(reply.send(Err(error.to_string()))),
        }
    }

    /// The kernel has killed all builders with the launcher; the next build starts another.
    fn launcher_died(&mut self) {
        self.launcher = None;
        self.shows.clear();
        for running in std::mem::take(&mut self.running) {
            let error = BuildError::misc("the process that launches builders died unexpectedly");
            let key = running.key.clone();
            drop(running);
            self.finish(&key, Err(error));
        }
    }

    pub(crate) fn check_clocks(&mut self) {
        let now = Instant::now();
        let settings = Arc::clone(&self.settings);
        for idx in 0..self.running.len() {
            let had_verdict = self.running[idx].verdict.is_some();
            self.running[idx].check_clock(&settings, now);
            let is_late = self.running[idx].verdict.is_some() && !had_verdict;
            if is_late || self.running[idx].is_out_of_sight(now) {
                self.kill(idx);
            }
        }
    }

    // --- When it is over -------------------------------------------------------------------------

    pub(crate) fn collect_finished(&mut self) {
        let mut idx = 0;
        while idx < self.running.len() {
            if self.running[idx].exit.is_some() {
                // Whatever is still in the pipes was written before the end.
                while self.running[idx].output.is_some() {
                    self.builder_wrote(idx);
                }
                self.running[idx].read_errors();
            }
            if self.running[idx].is_done() {
                let running = self.running.remove(idx);
                self.builder_finished(running);
            } else {
                idx += 1;
            }
        }
    }

    fn builder_finished(&mut self, mut running: RunningBuild) {
        let key = running.key.clone();
        if running.is_unwanted {
            let error = BuildError::new(BuildStatus::Cancelled, "the build was cancelled");
            drop(running);
            return self.finish(&key, Err(error));
        }
        let exit = running.exit.expect("only finished builders come here");
        if let Some(text) = running.setup_failure.strip_prefix("executing '") {
            // The program itself could not be started: that is in the log, like any other failure.
            let line = format!("executing '{text}\n");
            drop(running.log.write(line.as_bytes()));
            running.setup_failure.clear();
        }
        if exit.success() && running.verdict.is_none() && running.setup_failure.is_empty() {
            running.prepared.release_user();
            let inputs = &running.prepared.inputs;
            self.history
                .note(inputs.drv_path.name().as_bytes(), running.started.elapsed());
            return self.register(running);
        }
        self.failed(running);
    }

    /// Reads and registers the outputs on another thread.
    fn register(&mut self, running: RunningBuild) {
        let RunningBuild {
            key,
            mut prepared,
            locks,
            log,
            cgroup,
            started_at,
            ..
        } = running;
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let cpu_time = cgroup
            .and_then(|group| group.cpu_time().ok())
            .map(|(user, system)| (micros(user), micros(system)));
        let events = Arc::clone(&self.events);
        let store = Arc::clone(&self.store);
        let settings = Arc::clone(&self.settings);
        let report = self.reporter();
        self.n_registering += 1;
        let opens_store = prepared.nested.is_some();
        let work =
            move || {
                let drv_path = prepared.inputs.drv_path.clone();
                if let Some(nested) = prepared.nested.take() {
                    prepared.inputs.input_paths = nested.finish().paths();
                }
                let finished = log.finish();
                let outcome = register_outputs(&store, &settings, &prepared, locks, started_at)
                    .map(|success| Success {
                        cpu_time,
                        ..success
                    });
                if outcome.is_err() && settings.keep_failed {
                    keep_directory(&mut prepared, &events);
                }
                drop(prepared);
                let outcome = match finished {
                    Ok(_activity) => outcome,
                    Err(error) => Err(BuildError::misc(format!(
                        "writing the log of '{}': {}",
                        store.store_dir().print(&drv_path),
                        crate::error::plain(&error)
                    ))),
                };
                report(Message::Built(key, outcome, false));
            };
        if self.settings.post_build_hook.is_some() || opens_store {
            // A hook may take its time, and so may a server of processes that are gone.
            std::thread::spawn(work);
        } else {
            self.workers.spawn(work);
        }
    }

    fn run_builtin(
        &mut self,
        key: &GoalKey,
        prepared: PreparedBuild,
        locks: PathLock,
        mut log: BuildLog,
    ) {
        let store = Arc::clone(&self.store);
        let settings = Arc::clone(&self.settings);
        let report = self.reporter();
        let key = key.clone();
        self.n_builtins += 1;
        self.n_registering += 1;
        std::thread::spawn(move || {
            let started_at = seconds_since_epoch();
            let result = builtin::run(&store, &settings, &prepared, log.activity());
            let outcome = match result {
                Ok(()) => register_outputs(&store, &settings, &prepared, locks, started_at)
                    .and_then(|success| {
                        log.finish()
                            .map(|_| success)
                            .map_err(|error| BuildError::misc(error.to_string()))
                    }),
                Err(message) => {
                    drop(log.write(format!("error: {message}\n").as_bytes()));
                    let report = FailureReport {
                        store: &store,
                        settings: &settings,
                        inputs: &prepared.inputs,
                        status: if prepared.inputs.kind.is_sandboxed() {
                            BuildStatus::PermanentFailure
                        } else {
                            BuildStatus::TransientFailure
                        },
                        reason: "builder failed with exit code 1".to_owned(),
                    };
                    Err(report.error(log))
                }
            };
            report(Message::Built(key, outcome, true));
        });
    }

    /// Ends a build whose builder failed, once everybody has looked at it who wants to.
    fn failed(&mut self, running: RunningBuild) {
        let key = running.key.clone();
        let phase = running.log.phase().map(str::to_owned);
        let could_run = running.verdict.is_none() && running.setup_failure.is_empty();
        let (prepared, error) = self.failure(running);
        let Some(debugger) = self.settings.debugger.clone().filter(|_| could_run) else {
            drop(prepared);
            return self.finish(&key, Err(error));
        };
        let drv_path = self.store.store_dir().print(&prepared.inputs.drv_path);
        let events = Arc::clone(&self.events);
        let report = self.reporter();
        self.n_registering += 1;
        std::thread::spawn(move || {
            match debug::failed_build(&prepared, drv_path, &error, phase.as_deref()) {
                Ok(build) => debugger.look_at(&build),
                Err(error) => events.message(Level::Error, &render_error(&error.message)),
            }
            drop(prepared);
            report(Message::Built(key, Err(error), false));
        });
    }

    /// What to say about a builder that failed.
    fn failure(&self, running: RunningBuild) -> (PreparedBuild, BuildError) {
        let RunningBuild {
            mut prepared,
            log,
            exit,
            setup_failure,
            verdict,
            ..
        } = running;
        let drv_path = self.store.store_dir().print(&prepared.inputs.drv_path);
        if self.settings.keep_failed {
            keep_directory(&mut prepared, &self.events);
        }
        if let Some(verdict) = verdict {
            drop(log.finish());
            return (prepared, verdict);
        }
        if !setup_failure.is_empty() {
            drop(log.finish());
            let error = BuildError::misc(format!(
                "cannot set up the build environment for '{drv_path}': {setup_failure}"
            ));
            return (prepared, error);
        }
        let disk_is_full = [&self.store.location().physical_dir, &prepared.build_dir]
            .into_iter()
            .any(|path| firn_sys::file::free_space(path).is_ok_and(|free| free < 8 << 20));
        let transient = disk_is_full || !prepared.inputs.kind.is_sandboxed();
        let report = FailureReport {
            store: &self.store,
            settings: &self.settings,
            inputs: &prepared.inputs,
            status: if transient {
                BuildStatus::TransientFailure
            } else {
                BuildStatus::PermanentFailure
            },
            reason: format!(
                "builder {}",
                exit.map_or_else(String::new, hooks::describe_status)
            ),
        };
        let mut error = report.error(log);
        if disk_is_full {
            error
                .message
                .push_str("\nnote: build failure may have been caused by lack of free disk space");
        }
        (prepared, error)
    }

    /// Kills everything and waits until it is gone.
    pub(crate) fn kill_all(&mut self) {
        // The launcher kills its children when its socket closes, and ends when they are gone.
        self.launcher = None;
        self.running.clear();
    }
}

/// The failure of a builder, about to be put in words.
struct FailureReport<'a> {
    store: &'a LocalStore,
    settings: &'a BuildSettings,
    inputs: &'a BuildInputs,
    status: BuildStatus,
    reason: String,
}

impl FailureReport<'_> {
    /// The words: what, why, what would have come of it, the last lines, and where the rest is.
    fn error(&self, log: BuildLog) -> BuildError {
        let store_dir = self.store.store_dir();
        let drv_path = store_dir.print(&self.inputs.drv_path);
        let mut message = format!("Cannot build '{drv_path}'.\nReason: {}.", self.reason);
        let paths: std::collections::BTreeSet<_> = self
            .inputs
            .derivation
            .output_paths(store_dir)
            .unwrap_or_default()
            .into_values()
            .flatten()
            .collect();
        if !paths.is_empty() {
            message.push_str("\nOutput paths:");
        }
        for path in &paths {
            message.push_str("\n  ");
            message.push_str(&store_dir.print(path));
        }
        let last_lines = log.finish().map(|(lines, _)| lines).unwrap_or_default();
        if !self.settings.logs_are_shown && !last_lines.is_empty() {
            let _ = writeln!(message, "\nLast {} log lines:", last_lines.len());
            for line in &last_lines {
                let _ = writeln!(message, "> {line}");
            }
            let _ = write!(
                message,
                "For full logs, run:\n  {} {drv_path}",
                self.settings.log_command
            );
        }
        BuildError::new(self.status, message)
    }
}

fn keep_directory(prepared: &mut PreparedBuild, events: &SharedSink) {
    let kept = prepared.keep_build_dir();
    events.message(
        Level::Error,
        &format!("note: keeping build directory \"{}\"", kept.display()),
    );
}

fn register_outputs(
    store: &LocalStore,
    settings: &BuildSettings,
    prepared: &PreparedBuild,
    mut locks: PathLock,
    started_at: u64,
) -> Outcome {
    let infos = outputs::register(store, settings, prepared)?;
    let mut paths: BTreeMap<_, _> = prepared
        .inputs
        .outputs
        .iter()
        .filter(|(_, output)| output.valid)
        .filter_map(|(name, output)| Some((name.clone(), output.path.clone()?)))
        .collect();
    paths.extend(infos.into_iter().map(|(name, info)| (name, info.path)));
    finish_outputs(store, settings, &prepared.inputs, &paths)?;
    // From here on whoever wants the lock finds the outputs valid.
    fault::point("let go of the outputs");
    locks.remove_on_release();
    Ok(Success {
        status: BuildStatus::Built,
        outputs: Arc::new(paths),
        time: (started_at, seconds_since_epoch()),
        cpu_time: None,
    })
}

/// Does what is to be done once outputs are valid, wherever they were built: writes down what they
/// turned out to be, then runs the hook, which may ask for that.
pub(crate) fn finish_outputs(
    store: &LocalStore,
    settings: &BuildSettings,
    inputs: &BuildInputs,
    paths: &BTreeMap<OutputName, StorePath>,
) -> Result<(), BuildError> {
    if inputs.kind.has_noted_outputs() && store.is_valid_path(&inputs.drv_path)? {
        note_outputs(store, &HashModulos::default(), &inputs.drv_path, paths)?;
    }
    if settings.post_build_hook.is_some() {
        let drv_path = store.store_dir().print(&inputs.drv_path);
        let out_paths = paths
            .values()
            .map(|path| store.store_dir().print(path))
            .collect();
        hooks::run_post_build_hook(settings, &drv_path, &out_paths, store.events())?;
    }
    Ok(())
}

pub(crate) fn seconds_since_epoch() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
