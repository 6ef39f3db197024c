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

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use firn_events::{ActivityGuard, ActivityId, ActivityKind, Event, Level, Progress, SharedSink};
use firn_store::derivation::HashModulos;
use firn_store::{BuildMode, BuildStatus, LocalStore, Store, StoreError};
use firn_store_model::{
    DerivedPath, OutputName, OutputsSpec, Realisation, SingleDerivedPath, StorePath,
};
use firn_sys::launcher::Launcher;
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::closure::Closures;
use crate::goal::{Body, GoalGraph, GoalKey, ModeKey, Outcome, Success};
use crate::history::History;
use crate::path_goal::{self, Answer, PathStage};
use crate::queue::BuildQueue;
use crate::registry::{self, Registry};
use crate::running::RunningBuild;
use crate::substituters::Substituters;
use crate::{BuildError, BuildSettings, ExitFlags};

/// The shortest time between two forecasts.
const FORECAST_PAUSE: Duration = Duration::from_secs(1);

/// A request to realise paths.
pub(crate) struct Request {
    pub(crate) paths: Vec<DerivedPath>,
    pub(crate) mode: BuildMode,
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
    /// What substituters know of an output.
    Found(GoalKey, Option<Realisation>),
    /// The outputs of a build are registered, or why they are not; and whether the builder was one
    /// of our own.
    Built(GoalKey, Outcome, bool),
    /// Give up everything.
    Cancel,
    Shutdown,
}

/// A request being worked on.
struct OpenRequest {
    tops: Vec<GoalKey>,
    reply: Sender<Reply>,
    flags: ExitFlags,
    cancelled: bool,
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
    /// Builders of our own and registrations, on other threads.
    pub(crate) n_builtins: usize,
    pub(crate) n_registering: usize,
    pub(crate) launcher: Option<Launcher>,
    pub(crate) sender: Sender<Message>,
    pub(crate) wake: Arc<OwnedFd>,
    ready: VecDeque<GoalKey>,
    requests: Vec<OpenRequest>,
    inbox: Receiver<Message>,
    pub(crate) n_substituting: usize,
    substitutions: VecDeque<GoalKey>,
    progress: Progress,
    /// What was last said of it.
    reported: Progress,
    forecast_at: Option<Instant>,
    builds: Option<ActivityGuard>,
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
            n_builtins: 0,
            n_registering: 0,
            launcher: None,
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
            while let Some(key) = self.ready.pop_front() {
                self.step(&key);
            }
            self.start_substitutions();
            self.start_builds();
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

    /// Goals that wait for each other would wait forever. A circle can only come from a damaged
    /// store or from derivations that are outputs; it is there when nothing else is.
    fn break_circle(&mut self) {
        let goes_on = !self.running.is_empty()
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
            Message::Found(key, found) => self.realisation_found(&key, found),
            Message::Built(key, outcome, is_builtin) => {
                self.n_registering -= 1;
                self.n_builtins -= usize::from(is_builtin);
                self.built(&key, outcome);
            }
            Message::Cancel => {
                for request in &mut self.requests {
                    request.cancelled = true;
                }
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
        let tops = request
            .paths
            .iter()
            .map(|path| match path {
                DerivedPath::Opaque(path) => (GoalKey::Path(path.clone()), OutputsSpec::All),
                DerivedPath::Built { drv, outputs } => {
                    (Scheduler::derivation_key(drv, mode), outputs.clone())
                }
            })
            .map(|(key, outputs)| {
                self.want(&key, &outputs);
                key
            })
            .collect();
        self.requests.push(OpenRequest {
            tops,
            reply: request.reply,
            flags: ExitFlags::default(),
            cancelled: false,
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
        if let Some(goal) = self.graph.get_mut(key) {
            goal.dependencies.clear();
            goal.n_failed = 0;
            goal.n_pending = 0;
        }
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
            self.realised
                .entry(path.clone())
                .or_default()
                .extend(success.outputs.clone());
            if success.status == BuildStatus::Built {
                self.progress.done += 1;
            } else {
                self.progress.expected = self.progress.expected.saturating_sub(1);
            }
        }
        let failure = outcome.as_ref().err().cloned();
        let (ready, somebody_waited) = self.graph.finish(key, outcome, self.settings.keep_going);
        if let Some(error) = failure {
            for request in &mut self.requests {
                request.flags.note(error.status);
            }
            if error.status != BuildStatus::DependencyFailed
                && matches!(key, GoalKey::Derivation(..))
            {
                self.progress.failed += 1;
            }
            // Whoever asked for it gets the error; whoever waited for it only hears that it failed.
            if somebody_waited && error.status != BuildStatus::NoSubstituters {
                self.events.emit(Event::Message {
                    level: Level::Error,
                    text: render_error(&error.message),
                    raw: Some(error.message),
                });
            }
        }
        self.ready.extend(ready);
    }

    // --- Paths -----------------------------------------------------------------------------------

    fn step_path(&mut self, key: &GoalKey) {
        let Some(goal) = self.graph.path(key) else {
            return;
        };
        let path = goal.path.clone();
        match &goal.stage {
            PathStage::Start => match self.store.is_valid_path(&path) {
                Ok(true) => {
                    let rooted = self.store.add_temp_roots(std::slice::from_ref(&path));
                    let outcome = rooted
                        .map(|()| nothing_to_do(BuildStatus::AlreadyValid))
                        .map_err(BuildError::from);
                    self.finish(key, outcome);
                }
                Ok(false) if self.settings.substitute && !self.substituters.is_empty() => {
                    self.substitutions.push_back(key.clone());
                }
                Ok(false) => self.give_up_path(key),
                Err(error) => self.finish(key, Err(error.into())),
            },
            PathStage::Waiting(_) => {
                let failed = self.graph.get(key).is_some_and(|goal| goal.n_failed > 0);
                if failed {
                    self.ask_next(key);
                } else {
                    self.substitutions.push_back(key.clone());
                }
            }
            PathStage::Asking | PathStage::Copying => {}
        }
    }

    fn give_up_path(&mut self, key: &GoalKey) {
        let has_substituters = self.settings.substitute && !self.substituters.is_empty();
        let store = Arc::clone(&self.store);
        if let Some(goal) = self.graph.path(key) {
            let error = goal.unobtainable(&store, has_substituters);
            self.finish(key, Err(error));
        }
    }

    fn ask_next(&mut self, key: &GoalKey) {
        self.forget_dependencies(key);
        if let Some(goal) = self.graph.path(key) {
            goal.stage = PathStage::Start;
            goal.next_substituter += 1;
            goal.substituter_failed = true;
        }
        self.substitutions.push_back(key.clone());
    }

    /// Starts questions and copies while there is room for more.
    fn start_substitutions(&mut self) {
        while self.n_substituting < self.settings.max_substitution_jobs.max(1) {
            let Some(key) = self.substitutions.pop_front() else {
                return;
            };
            let report = self.reporter();
            let Some(goal) = self.graph.path(&key) else {
                continue;
            };
            let path = goal.path.clone();
            let substituters = Arc::clone(&self.substituters);
            let events = Arc::clone(&self.events);
            let store = Arc::clone(&self.store);
            let first = goal.next_substituter;
            match &goal.stage {
                PathStage::Start => {
                    goal.stage = PathStage::Asking;
                    std::thread::spawn(move || {
                        let answer = path_goal::ask(&store, &substituters, first, &path, &events);
                        report(Message::Answered(key, answer));
                    });
                }
                PathStage::Waiting(offer) => {
                    let offer = offer.clone();
                    goal.stage = PathStage::Copying;
                    std::thread::spawn(move || {
                        let substituter = &*substituters.in_order()[offer.substituter_idx];
                        let result =
                            path_goal::copy(&store, substituter, &offer.info, &events, None);
                        report(Message::Copied(key, result));
                    });
                }
                PathStage::Asking | PathStage::Copying => continue,
            }
            self.n_substituting += 1;
        }
    }

    /// Something that tells this thread something from another one.
    pub(crate) fn reporter(&self) -> impl FnOnce(Message) + Send + 'static {
        let sender = self.sender.clone();
        let wake = Arc::clone(&self.wake);
        move |message| {
            // A scheduler that is gone needs no report.
            if sender.send(message).is_ok() {
                wake_up(&wake);
            }
        }
    }

    fn path_answered(&mut self, key: &GoalKey, answer: Answer) {
        self.n_substituting -= 1;
        let Some(goal) = self.graph.path(key) else {
            return;
        };
        goal.substituter_failed |= answer.failed;
        let Some(offer) = answer.offer else {
            return self.give_up_path(key);
        };
        goal.next_substituter = offer.substituter_idx;
        goal.stage = PathStage::Waiting(offer.clone());
        let own = goal.path.clone();
        self.forget_dependencies(key);
        let mut waits = false;
        for reference in offer.info.references.iter().filter(|path| **path != own) {
            let reference = GoalKey::Path(reference.clone());
            waits |= self.require(key, &reference, &OutputsSpec::All);
        }
        if !waits {
            self.ready.push_back(key.clone());
        }
    }

    fn path_copied(&mut self, key: &GoalKey, result: Result<(), StoreError>) {
        self.n_substituting -= 1;
        match result {
            Ok(()) => self.finish(key, Ok(nothing_to_do(BuildStatus::Substituted))),
            Err(error) => {
                self.events
                    .message(Level::Error, &render_error(&error.to_string()));
                self.ask_next(key);
            }
        }
    }

    // --- Derivations that are outputs ------------------------------------------------------------

    fn step_dynamic(&mut self, key: &GoalKey) {
        let GoalKey::Dynamic(drv, mode) = key else {
            return;
        };
        let Some(Body::Dynamic(goal)) = self.graph.get_mut(key).map(|goal| &mut goal.body) else {
            return;
        };
        let wanted = goal.wanted.clone();
        let SingleDerivedPath::Built { drv: outer, output } = &**drv else {
            return;
        };
        let outer_key = Scheduler::derivation_key(outer, ModeKey::Normal);
        if let Some(inner) = goal.inner.clone() {
            let outcome = self.graph.get(&inner).and_then(|goal| goal.outcome.clone());
            if let Some(outcome) = outcome {
                self.finish(key, outcome);
            }
            return;
        }
        if !goal.asked_for_derivation {
            goal.asked_for_derivation = true;
            if self.require(key, &outer_key, &OutputsSpec::one(output.clone())) {
                return;
            }
        }
        let outer_outcome = self
            .graph
            .get(&outer_key)
            .and_then(|goal| goal.outcome.clone());
        let inner_path = match outer_outcome {
            Some(Ok(success)) => success.outputs.get(output).cloned(),
            Some(Err(_)) => {
                let store_dir = self.store.store_dir();
                let message = format!(
                    "failed to obtain derivation of '{}^{output}'",
                    outer.print(store_dir)
                );
                let error = BuildError::new(BuildStatus::DependencyFailed, message);
                return self.finish(key, Err(error));
            }
            None => return,
        };
        let Some(inner_path) = inner_path.filter(StorePath::is_derivation) else {
            let error = BuildError::misc(format!(
                "output '{output}' of a derivation is wanted as a derivation, but it is none"
            ));
            return self.finish(key, Err(error));
        };
        let inner = GoalKey::Derivation(inner_path, *mode);
        if let Some(Body::Dynamic(goal)) = self.graph.get_mut(key).map(|goal| &mut goal.body) {
            goal.inner = Some(inner.clone());
        }
        if !self.require(key, &inner, &wanted) {
            self.ready.push_back(key.clone());
        }
    }

    // --- Requests --------------------------------------------------------------------------------

    fn answer_requests(&mut self) {
        let mut at = 0;
        while at < self.requests.len() {
            let request = &self.requests[at];
            let outcome =
                |key: &GoalKey| self.graph.get(key).and_then(|goal| goal.outcome.as_ref());
            let failed = request.cancelled
                || request
                    .tops
                    .iter()
                    .any(|key| matches!(outcome(key), Some(Err(_))));
            let all_done = request.tops.iter().all(|key| outcome(key).is_some());
            if !all_done && !request.cancelled && (!failed || self.settings.keep_going) {
                at += 1;
                continue;
            }
            if !all_done && self.drop_unneeded(at) {
                // Builders are being killed; the answer waits for them.
                at += 1;
                continue;
            }
            let request = self.requests.remove(at);
            let outcomes = request
                .tops
                .iter()
                .map(|key| self.graph.get(key).and_then(|goal| goal.outcome.clone()))
                .collect();
            // Somebody who no longer listens needs no answer.
            drop(request.reply.send(Reply {
                outcomes,
                flags: request.flags,
            }));
            self.forget_unneeded();
        }
    }

    /// Stops what only this request needs. True while builders of it are still dying.
    fn drop_unneeded(&mut self, request_idx: usize) -> bool {
        let needed: Vec<GoalKey> = self
            .requests
            .iter()
            .enumerate()
            .filter(|(idx, request)| *idx != request_idx && !request.cancelled)
            .flat_map(|(_, request)| request.tops.iter().cloned())
            .collect();
        let mut dying = false;
        for running in &mut self.running {
            let is_needed = needed
                .iter()
                .any(|top| *top == running.key || self.graph.leads_to(top, &running.key));
            if is_needed {
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

    fn report_progress(&mut self) {
        let Some(builds) = &self.builds else {
            return;
        };
        let running = (self.running.len() + self.n_builtins) as u64;
        let progress = Progress {
            running,
            ..self.progress
        };
        if self.reported != progress {
            self.progress = progress;
            self.reported = progress;
            builds.progress(progress);
            let id = builds.id();
            self.registry.touch();
            self.forecast(id);
        }
        let now = Instant::now();
        let running = &self.running;
        let store_dir = self.store.store_dir();
        self.registry.write_if_due(now, || {
            running
                .iter()
                .map(|build| {
                    let drv_path = store_dir.print(&build.prepared.inputs.drv_path);
                    registry::entry(&drv_path, build.log.phase(), build.started)
                })
                .collect()
        });
    }

    /// Says how long the rest may take, where earlier builds tell.
    fn forecast(&mut self, builds: ActivityId) {
        let now = Instant::now();
        if self.forecast_at.is_some_and(|at| now < at + FORECAST_PAUSE) {
            return;
        }
        self.forecast_at = Some(now);
        let (mut sum, mut longest) = (Duration::ZERO, Duration::ZERO);
        for (key, goal) in self.graph.unfinished() {
            let Body::Derivation(body) = &goal.body else {
                continue;
            };
            let Some(time) = self.history.duration_of(body.name()) else {
                continue;
            };
            let running = self.running.iter().find(|running| running.key == *key);
            let elapsed = running.map_or(Duration::ZERO, |it| it.started.elapsed());
            let left = time.saturating_sub(elapsed);
            sum += left;
            longest = longest.max(left);
        }
        if sum > Duration::ZERO {
            let slots = u32::try_from(self.settings.max_jobs.max(1)).unwrap_or(u32::MAX);
            self.events.emit(Event::Forecast {
                id: builds,
                remaining: longest.max(sum / slots),
            });
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
            .min()
    }
}

/// Wakes the scheduler's thread.
pub(crate) fn wake_up(wake: &OwnedFd) {
    // A counter that is full wakes as well.
    let _ = rustix::io::write(wake, &1_u64.to_ne_bytes());
}

fn nothing_to_do(status: BuildStatus) -> Success {
    Success {
        status,
        outputs: BTreeMap::new(),
        time: (0, 0),
    }
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
