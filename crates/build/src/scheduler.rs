//! The scheduler: one thread that owns the goal graph and waits for everything at once.
//!
//! Requests come in by a channel. Each turn of the loop steps the goals that can go on, starts
//! builders while there are free slots, answers requests that are done, and then sleeps in one
//! `poll` over the builders' outputs, the launcher and a wake-up descriptor. Work that takes time
//! of its own (copying from a substituter, reading outputs, builders of our own) happens on other
//! threads, which report back by the same channel.
//!
//! When a request fails and need not go on, whatever no other request needs is dropped and its
//! builders are killed; the answer is given once they are gone, so that nothing is left running or
//! lying about.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use firn_events::{ActivityGuard, ActivityKind, Event, Level, Progress, SharedSink};
use firn_store::derivation::HashModulos;
use firn_store::{BuildMode, BuildStatus, LocalStore, Store, StoreError};
use firn_store_model::{
    Derivation, DerivedPath, OutputName, OutputsSpec, Realisation, SingleDerivedPath, StorePath,
};
use firn_sys::launcher::Launcher;
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::closure::Closures;
use crate::directories::DirectoryPool;
use crate::goal::{Body, GoalGraph, GoalKey, ModeKey, Outcome};
use crate::history::History;
use crate::machines::Machines;
use crate::path_goal::Answer;
use crate::queue::BuildQueue;
use crate::registry::Registry;
use crate::remote::RemoteBuild;
use crate::running::RunningBuild;
use crate::substituters::Substituters;
use crate::workers::Workers;
use crate::{BuildError, BuildSettings, ExitFlags};

/// A request to realise paths.
pub(crate) struct Request {
    pub(crate) paths: Vec<DerivedPath>,
    pub(crate) mode: BuildMode,
    /// A derivation that the store need not have.
    pub(crate) given: Option<(StorePath, Arc<Derivation>)>,
    pub(crate) reply: Sender<Reply>,
}

/// The answer to a request.
pub(crate) struct Reply {
    /// What became of each path, in the order of the request; `None` where a failure elsewhere
    /// ended the request first.
    pub(crate) outcomes: Vec<Option<Outcome>>,
    pub(crate) flags: ExitFlags,
}

/// What the scheduler is told.
pub(crate) enum Message {
    Request(Request),
    Answered(GoalKey, Answer),
    Copied(GoalKey, Result<(), StoreError>),
    /// A build on another machine is over.
    BuiltElsewhere(GoalKey, Outcome),
    /// A machine cannot be reached.
    Declined(GoalKey, usize),
    /// What substituters know of an output.
    Found(GoalKey, Option<Realisation>),
    /// The outputs of a build are registered, or why they are not; and whether the builder was one
    /// of our own.
    Built(GoalKey, Outcome, bool),
    /// Show a path of the host to a running build, at a place of its sandbox.
    Show {
        key: GoalKey,
        source: Vec<u8>,
        target: Vec<u8>,
        reply: Sender<Result<(), String>>,
    },
    /// Give up everything.
    Cancel,
    Shutdown,
}

/// A request being worked on.
struct OpenRequest {
    tops: Vec<GoalKey>,
    /// Those of them that have not come to an end.
    unfinished: HashSet<GoalKey>,
    /// Whether one of them has failed.
    has_failed: bool,
    reply: Sender<Reply>,
    flags: ExitFlags,
    cancelled: bool,
    /// Whether it is over but for the end of what is being stopped.
    is_ending: bool,
    /// What the goals had come to when the first of them failed: what comes after that is of no
    /// interest to whoever asked, as that one ends the rest.
    at_failure: Option<Vec<Option<Outcome>>>,
    /// Shown as the parent of all that happens for it.
    _activity: ActivityGuard,
}

/// A goal that waits for something that another process holds.
pub(crate) struct Postponed {
    pub(crate) key: GoalKey,
    pub(crate) until: Instant,
    pub(crate) delay: Duration,
    _activity: ActivityGuard,
}

/// The scheduler's state; lives on its thread.
pub(crate) struct Scheduler {
    pub(crate) store: Arc<LocalStore>,
    pub(crate) settings: Arc<BuildSettings>,
    pub(crate) substituters: Arc<Substituters>,
    pub(crate) events: SharedSink,
    pub(crate) graph: GoalGraph,
    pub(crate) closures: Closures,
    /// What derivations were realised to in this run, where the store does not say.
    pub(crate) realised: HashMap<StorePath, BTreeMap<OutputName, StorePath>>,
    /// Hashes of derivations, for realisations.
    pub(crate) modulos: HashModulos,
    /// Derivations that only need a slot, in order.
    pub(crate) buildable: BuildQueue,
    pub(crate) history: History,
    pub(crate) registry: Registry,
    pub(crate) postponed: Vec<Postponed>,
    pub(crate) running: Vec<RunningBuild>,
    pub(crate) machines: Machines,
    pub(crate) remote_builds: Vec<RemoteBuild>,
    /// When machines that were busy are asked again.
    pub(crate) machines_at: Option<Instant>,
    /// Builders of our own and registrations, on other threads.
    pub(crate) n_builtins: usize,
    pub(crate) n_registering: usize,
    pub(crate) launcher: Option<Launcher>,
    pub(crate) workers: Workers,
    /// Directories of builds that are over.
    pub(crate) directories: Arc<DirectoryPool>,
    /// Who waits for a path to be shown, by token.
    pub(crate) shows: HashMap<u64, Sender<Result<(), String>>>,
    pub(crate) next_show: u64,
    pub(crate) sender: Sender<Message>,
    pub(crate) wake: Arc<OwnedFd>,
    pub(crate) ready: VecDeque<GoalKey>,
    requests: Vec<OpenRequest>,
    /// Whether a goal has failed since the requests were last looked at.
    has_failures: bool,
    inbox: Receiver<Message>,
    pub(crate) n_substituting: usize,
    pub(crate) substitutions: VecDeque<GoalKey>,
    pub(crate) progress: Progress,
    /// What was last said of it.
    pub(crate) reported: Progress,
    pub(crate) forecast_at: Option<Instant>,
    /// When free space is to be looked at again.
    space_check: Option<Instant>,
    pub(crate) builds: Option<ActivityGuard>,
    shutdown: bool,
}

/// What a scheduler is made of.
pub(crate) struct SchedulerParts {
    pub(crate) store: Arc<LocalStore>,
    pub(crate) settings: Arc<BuildSettings>,
    pub(crate) substituters: Arc<Substituters>,
    pub(crate) sender: Sender<Message>,
    pub(crate) inbox: Receiver<Message>,
    pub(crate) wake: Arc<OwnedFd>,
}

impl Scheduler {
    pub(crate) fn new(parts: SchedulerParts) -> Scheduler {
        let state_dir = &parts.store.location().state_dir;
        let history = History::below(state_dir);
        let registry = Registry::below(state_dir);
        let machines = Machines::new(Arc::clone(&parts.settings.machines), state_dir);
        Scheduler {
            events: Arc::clone(parts.store.events()),
            store: parts.store,
            settings: parts.settings,
            substituters: parts.substituters,
            graph: GoalGraph::default(),
            closures: Closures::default(),
            realised: HashMap::new(),
            modulos: HashModulos::default(),
            buildable: BuildQueue::default(),
            history,
            registry,
            postponed: Vec::new(),
            running: Vec::new(),
            machines,
            remote_builds: Vec::new(),
            machines_at: None,
            n_builtins: 0,
            n_registering: 0,
            has_failures: false,
            launcher: None,
            workers: Workers::default(),
            directories: Arc::default(),
            shows: HashMap::new(),
            next_show: 0,
            sender: parts.sender,
            wake: parts.wake,
            ready: VecDeque::new(),
            requests: Vec::new(),
            inbox: parts.inbox,
            n_substituting: 0,
            substitutions: VecDeque::new(),
            progress: Progress::default(),
            reported: Progress::default(),
            forecast_at: None,
            space_check: None,
            builds: None,
            shutdown: false,
        }
    }

    /// Works until told to stop.
    pub(crate) fn run(mut self) {
        loop {
            while let Ok(message) = self.inbox.try_recv() {
                self.take(message);
            }
            if self.shutdown {
                break;
            }
            self.wake_postponed();
            if std::mem::take(&mut self.has_failures) {
                // What a failed request still wants is not begun.
                self.answer_requests();
            }
            while let Some(key) = self.ready.pop_front() {
                self.step(&key);
            }
            self.start_substitutions();
            self.start_builds();
            self.look_at_free_space();
            if !self.ready.is_empty() {
                continue;
            }
            self.break_circle();
            self.answer_requests();
            self.report_progress();
            self.sleep();
        }
        self.kill_all();
        self.history.save();
    }

    /// Collects garbage while builders run, where the settings ask for free space.
    fn look_at_free_space(&mut self) {
        let options = self.store.options();
        if options.min_free == 0 || self.running.is_empty() {
            return;
        }
        let now = Instant::now();
        if self.space_check.is_some_and(|next| now < next) {
            return;
        }
        let pause = Duration::from_secs(options.min_free_check_interval.max(1));
        self.space_check = Some(now + pause);
        let (store, events) = (Arc::clone(&self.store), Arc::clone(&self.events));
        std::thread::spawn(move || {
            if let Err(error) = store.auto_collect() {
                events.message(Level::Error, &render_error(&error.to_string()));
            }
        });
    }

    /// Goals that wait for each other would wait forever. A circle can only come from a damaged
    /// store or from derivations that are outputs; it is there when nothing else is.
    fn break_circle(&mut self) {
        let goes_on = !self.running.is_empty()
            || !self.remote_builds.is_empty()
            || self.n_registering + self.n_builtins + self.n_substituting > 0
            || !self.buildable.is_empty()
            || !self.postponed.is_empty()
            || !self.substitutions.is_empty();
        if goes_on {
            return;
        }
        let stuck = self.graph.unfinished().map(|(key, _)| key.clone()).next();
        if let Some(key) = stuck {
            let error = BuildError::misc("derivations depend on each other in a circle");
            self.finish(&key, Err(error));
            self.break_circle();
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Request(request) => self.open(request),
            Message::Answered(key, answer) => self.path_answered(&key, answer),
            Message::Copied(key, result) => self.path_copied(&key, result),
            Message::BuiltElsewhere(key, outcome) => self.built_elsewhere(&key, outcome),
            Message::Declined(key, machine_idx) => self.declined(&key, machine_idx),
            Message::Found(key, found) => self.realisation_found(&key, found),
            Message::Built(key, outcome, is_builtin) => {
                self.n_registering -= 1;
                self.n_builtins -= usize::from(is_builtin);
                self.finish(&key, outcome);
            }
            Message::Show {
                key,
                source,
                target,
                reply,
            } => self.show(&key, &source, &target, reply),
            Message::Cancel => {
                for request in &mut self.requests {
                    request.cancelled = true;
                }
                // Nothing more is begun for them.
                self.has_failures = true;
            }
            Message::Shutdown => self.shutdown = true,
        }
    }

    fn open(&mut self, request: Request) {
        let activity = ActivityGuard::start(
            &self.events,
            None,
            Level::Debug,
            String::new(),
            ActivityKind::Realise,
        );
        if self.requests.is_empty() {
            self.progress = Progress::default();
            self.builds = Some(ActivityGuard::start(
                &self.events,
                Some(activity.id()),
                Level::Debug,
                String::new(),
                ActivityKind::Builds,
            ));
        }
        let mode = ModeKey::from(request.mode);
        if let Some((path, derivation)) = request.given {
            let key = GoalKey::Derivation(path, mode);
            self.want(&key, &OutputsSpec::All);
            if let Err(error) = self.load_given(&key, derivation) {
                self.finish(&key, Err(error));
            }
        }
        let wanted: Vec<(GoalKey, OutputsSpec)> = request
            .paths
            .iter()
            .map(|path| match path {
                DerivedPath::Opaque(path) => (GoalKey::Path(path.clone()), OutputsSpec::All),
                DerivedPath::Built { drv, outputs } => {
                    (Scheduler::derivation_key(drv, mode), outputs.clone())
                }
            })
            .collect();
        // By name: hashes, by which paths come sorted, would make the first failure a matter of luck.
        let mut by_name: Vec<_> = wanted.iter().collect();
        by_name.sort_by_key(|(key, _)| key.name());
        for (key, outputs) in by_name {
            self.want(key, outputs);
        }
        let tops: Vec<GoalKey> = wanted.into_iter().map(|(key, _)| key).collect();
        let mut unfinished: HashSet<GoalKey> = tops.iter().cloned().collect();
        let outcome = |key: &GoalKey| self.graph.get(key).and_then(|goal| goal.outcome.as_ref());
        unfinished.retain(|key| outcome(key).is_none());
        let has_failed = tops.iter().any(|key| matches!(outcome(key), Some(Err(_))));
        self.requests.push(OpenRequest {
            tops,
            unfinished,
            has_failed,
            reply: request.reply,
            flags: ExitFlags::default(),
            cancelled: false,
            is_ending: false,
            at_failure: None,
            _activity: activity,
        });
    }

    /// The goal for a derivation.
    pub(crate) fn derivation_key(drv: &Arc<SingleDerivedPath>, mode: ModeKey) -> GoalKey {
        match &**drv {
            SingleDerivedPath::Opaque(path) => GoalKey::Derivation(path.clone(), mode),
            SingleDerivedPath::Built { .. } => GoalKey::Dynamic(Arc::clone(drv), mode),
        }
    }

    fn want(&mut self, key: &GoalKey, outputs: &OutputsSpec) {
        if self.graph.want(key, outputs) {
            if matches!(key, GoalKey::Derivation(..)) {
                self.progress.expected += 1;
            }
            self.ready.push_back(key.clone());
        }
    }

    /// Makes sure that a goal exists and lets another wait for it; true if it has to wait.
    pub(crate) fn require(
        &mut self,
        waiter: &GoalKey,
        awaited: &GoalKey,
        outputs: &OutputsSpec,
    ) -> bool {
        self.want(awaited, outputs);
        self.graph.wait_for(waiter, awaited)
    }

    /// Begins a new round of asking.
    pub(crate) fn forget_dependencies(&mut self, key: &GoalKey) {
        self.graph.forget_dependencies(key);
    }

    /// Why dependencies failed, as far as they did.
    pub(crate) fn dependency_errors(&self, key: &GoalKey) -> impl Iterator<Item = &BuildError> {
        self.graph
            .get(key)
            .into_iter()
            .flat_map(|goal| &goal.dependencies)
            .filter_map(|dependency| self.graph.get(dependency)?.outcome.as_ref()?.as_ref().err())
    }

    /// Whether a path is valid, remembered while it is.
    pub(crate) fn known_valid(&mut self, path: &StorePath) -> Result<bool, StoreError> {
        match self.closures.info(&*self.store, path) {
            Ok(_) => Ok(true),
            Err(error) if error.is_invalid_path() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn step(&mut self, key: &GoalKey) {
        match self.graph.get(key).map(|goal| &goal.body) {
            Some(Body::Derivation(_)) => self.step_derivation(key),
            Some(Body::Path(_)) => self.step_path(key),
            Some(Body::Realisation(_)) => self.step_realisation(key),
            Some(Body::Dynamic(_)) => self.step_dynamic(key),
            None => {}
        }
    }

    /// Ends a goal and wakes those that waited for it.
    pub(crate) fn finish(&mut self, key: &GoalKey, outcome: Outcome) {
        if let (Ok(success), GoalKey::Derivation(path, _)) = (&outcome, key) {
            let goal = self.graph.derivation(key);
            let loaded = goal.as_ref().and_then(|goal| goal.loaded.as_ref());
            if loaded.is_none_or(|loaded| !loaded.kind.has_known_output_paths()) {
                self.realised
                    .entry(path.clone())
                    .or_default()
                    .extend(BTreeMap::clone(&success.outputs));
            }
            if success.status == BuildStatus::Built {
                self.progress.done += 1;
            } else {
                self.progress.expected = self.progress.expected.saturating_sub(1);
            }
        }
        let failure = outcome.as_ref().err().cloned();
        for request in &mut self.requests {
            request.has_failed |= request.unfinished.remove(key) && failure.is_some();
        }
        let (ready, somebody_waited) = self.graph.finish(key, outcome, self.settings.keep_going);
        if let Some(goal) = self.graph.derivation(key) {
            goal.unload();
        }
        if let Some(error) = failure {
            for request in &mut self.requests {
                request.flags.note(error.status);
            }
            self.has_failures = true;
            if error.status != BuildStatus::DependencyFailed
                && matches!(key, GoalKey::Derivation(..))
            {
                self.progress.failed += 1;
            }
            // Whoever asked for it gets the error; whoever waited for it only hears that it failed.
            let is_news = !matches!(
                error.status,
                BuildStatus::NoSubstituters | BuildStatus::Cancelled
            );
            if somebody_waited && is_news {
                self.events.emit(Event::Message {
                    level: Level::Error,
                    text: render_error(&error.message),
                    raw: Some(error.message),
                });
            }
        }
        self.ready.extend(ready);
    }

    // --- Requests --------------------------------------------------------------------------------

    fn answer_requests(&mut self) {
        let mut at = 0;
        while at < self.requests.len() {
            let outcome =
                |key: &GoalKey| self.graph.get(key).and_then(|goal| goal.outcome.as_ref());
            let request = &mut self.requests[at];
            if request.unfinished.is_empty() {
                // Another request may have begun one of them anew, wanting more of it.
                let again = request.tops.iter().filter(|key| outcome(key).is_none());
                request.unfinished = again.cloned().collect();
            }
            let failed = request.cancelled || request.has_failed;
            let all_done = request.unfinished.is_empty();
            if !all_done && !request.cancelled && (!failed || self.settings.keep_going) {
                at += 1;
                continue;
            }
            if failed && !self.settings.keep_going && request.at_failure.is_none() {
                let tops = request.tops.iter();
                request.at_failure = Some(tops.map(|key| outcome(key).cloned()).collect());
            }
            request.is_ending = true;
            if !all_done && self.drop_unneeded() {
                // Builders are being killed; the answer waits for them.
                at += 1;
                continue;
            }
            let request = self.requests.remove(at);
            if self.requests.is_empty() {
                // Whoever gets the answer finds nothing lying about.
                self.directories.clear();
            }
            let outcomes = request.at_failure.unwrap_or_else(|| {
                let tops = request.tops.iter();
                tops.map(|key| self.graph.get(key).and_then(|goal| goal.outcome.clone()))
                    .collect()
            });
            // Somebody who no longer listens needs no answer.
            drop(request.reply.send(Reply {
                outcomes,
                flags: request.flags,
            }));
            self.forget_unneeded();
        }
    }

    /// Whether a request that goes on needs a goal.
    pub(crate) fn is_needed(&self, key: &GoalKey) -> bool {
        let going_on = self
            .requests
            .iter()
            .filter(|request| !request.is_ending && !request.cancelled);
        going_on
            .flat_map(|request| &request.tops)
            .any(|top| top == key || self.graph.leads_to(top, key))
    }

    /// Whether something is to be stopped, so that not all goals are needed.
    pub(crate) fn is_ending(&self) -> bool {
        self.requests
            .iter()
            .any(|request| request.is_ending || request.cancelled)
    }

    /// Stops what only requests need that are at an end. True while builders are still dying.
    fn drop_unneeded(&mut self) -> bool {
        let mut dying = false;
        let mut all_running = std::mem::take(&mut self.running);
        for running in &mut all_running {
            if self.is_needed(&running.key) {
                continue;
            }
            dying = true;
            if !running.is_unwanted {
                running.is_unwanted = true;
                if let Some(launcher) = &self.launcher {
                    drop(launcher.kill(running.id));
                }
            }
        }
        self.running = all_running;
        let mut remote_builds = std::mem::take(&mut self.remote_builds);
        for build in &mut remote_builds {
            if !self.is_needed(&build.key) {
                dying = true;
                build.interrupt();
            }
        }
        self.remote_builds = remote_builds;
        dying || self.n_registering > 0
    }

    /// Removes goals that no request needs.
    fn forget_unneeded(&mut self) {
        let tops: Vec<GoalKey> = self
            .requests
            .iter()
            .flat_map(|request| request.tops.iter().cloned())
            .collect();
        for key in self.graph.retain_needed(&tops) {
            self.buildable.remove(&key);
            self.postponed.retain(|postponed| postponed.key != key);
        }
        if self.requests.is_empty() {
            self.history.save();
            self.closures.clear();
            self.realised.clear();
            self.builds = None;
        }
    }

    // --- Waiting ---------------------------------------------------------------------------------

    /// Lets a buildable goal wait for something outside.
    pub(crate) fn postpone(&mut self, key: &GoalKey, text: String, drv_path: &StorePath) {
        let delay = Duration::from_millis(20);
        let drv_path = self.store.store_dir().print(drv_path).into_bytes();
        let activity = ActivityGuard::start(
            &self.events,
            None,
            Level::Warn,
            text,
            ActivityKind::BuildWaiting {
                drv_path,
                resolved: None,
            },
        );
        self.postponed.push(Postponed {
            key: key.clone(),
            until: Instant::now() + delay,
            delay,
            _activity: activity,
        });
    }

    fn wake_postponed(&mut self) {
        let now = Instant::now();
        for postponed in &mut self.postponed {
            if postponed.until <= now {
                postponed.delay = (postponed.delay * 2).min(Duration::from_secs(1));
                postponed.until = now + postponed.delay;
                self.buildable.insert(postponed.key.clone());
            }
        }
    }

    /// The end of waiting for something outside.
    pub(crate) fn no_longer_postponed(&mut self, key: &GoalKey) {
        self.postponed.retain(|postponed| postponed.key != *key);
    }

    pub(crate) fn is_postponed(&self, key: &GoalKey) -> bool {
        self.postponed.iter().any(|postponed| postponed.key == *key)
    }

    /// Waits for whatever comes first, and takes note of it.
    fn sleep(&mut self) {
        let timeout = self.next_deadline().map(|deadline| {
            let wait = deadline.saturating_duration_since(Instant::now());
            // Rounded up, so that the deadline has passed on return.
            let wait = wait + Duration::from_millis(1);
            Timespec {
                tv_sec: wait.as_secs().cast_signed(),
                tv_nsec: wait.subsec_nanos().into(),
            }
        });
        let (mut launcher_ready, mut outputs, mut errors) = (false, Vec::new(), Vec::new());
        {
            let mut polled = vec![PollFd::new(&self.wake, PollFlags::IN)];
            if let Some(launcher) = &self.launcher {
                polled.push(PollFd::from_borrowed_fd(launcher.as_fd(), PollFlags::IN));
            }
            let first_build = polled.len();
            let mut owners = Vec::new();
            for (idx, running) in self.running.iter().enumerate() {
                if let Some(output) = &running.output {
                    polled.push(PollFd::new(output, PollFlags::IN));
                    owners.push((idx, true));
                }
                if let Some(error) = &running.errors {
                    polled.push(PollFd::new(error, PollFlags::IN));
                    owners.push((idx, false));
                }
            }
            if rustix::event::poll(&mut polled, timeout.as_ref()).is_err() {
                return;
            }
            if !polled[0].revents().is_empty() {
                let mut buffer = [0; 8];
                let _ = rustix::io::read(&*self.wake, &mut buffer);
            }
            if first_build == 2 {
                launcher_ready = !polled[1].revents().is_empty();
            }
            for ((idx, is_output), fd) in owners.iter().zip(&polled[first_build..]) {
                if !fd.revents().is_empty() {
                    if *is_output {
                        outputs.push(*idx);
                    } else {
                        errors.push(*idx);
                    }
                }
            }
        }
        for idx in errors {
            self.running[idx].read_errors();
        }
        for idx in outputs {
            self.builder_wrote(idx);
        }
        if launcher_ready {
            self.builder_exited();
        }
        self.check_clocks();
        self.collect_finished();
    }

    fn next_deadline(&self) -> Option<Instant> {
        let clocks = self
            .running
            .iter()
            .filter_map(|running| running.deadline(&self.settings));
        let postponed = self.postponed.iter().map(|postponed| postponed.until);
        clocks
            .chain(postponed)
            .chain(self.registry.deadline())
            .chain(self.machines_at)
            .chain(self.space_check.filter(|_| !self.running.is_empty()))
            .min()
    }
}

/// Wakes the scheduler's thread.
pub(crate) fn wake_up(wake: &OwnedFd) {
    // A counter that is full wakes as well.
    let _ = rustix::io::write(wake, &1_u64.to_ne_bytes());
}

/// An error as it is shown in passing.
pub(crate) fn render_error(message: &str) -> String {
    let mut text = String::from("error: ");
    for (idx, line) in message.lines().enumerate() {
        if idx > 0 {
            text.push('\n');
            if !line.is_empty() {
                text.push_str("       ");
            }
        }
        text.push_str(line);
    }
    text
}
