//! Several threads that evaluate one program.
//!
//! The *main line* is the thread that the evaluator was made on. Where it is about to evaluate all
//! of something (the elements of a list, the attributes of a derivation), it may *offer* the parts:
//! helpers then evaluate some of them ahead of it, from the far end, while it goes on from the near
//! one. What a helper does is a hint and nothing more. If it succeeds, the main line finds values
//! where it would have found thunks. If it fails, or comes upon anything that could be noticed
//! ([`Ctx::in_order`]: messages, fetches, builds), each thunk that it was evaluating becomes what
//! it was, and the main line meets the failure or the effect itself, in the order of the program.
//! So neither results nor the first error nor the order of messages depend on helpers.
//!
//! A thunk is owned by a *task*: the main line is task 1, and each helper is one, since a helper
//! finishes or gives up what it was given before it takes anything else. Who needs a thunk of
//! another task waits for it ([`wait`]); a helper that would wait for itself through others gives
//! up instead, and the main line never has to.
//!
//! Threads are started late: a thread that does nothing but that, the *foreman*, looks after some
//! milliseconds whether anything is on offer. There are more helpers than may run at once, so that
//! one can take over while another waits.

mod ahead;
mod help;
mod wait;

use std::any::Any;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use firn_heap::{Heap, TaskId};

use crate::ctx::{Ctx, Shared, Val, lock};
use crate::interrupt::StackLimit;

pub use ahead::{Ahead, Calls};

/// The task of the main line.
pub(crate) const MAIN: TaskId = TaskId(1);

/// How much of a part on offer is going to be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// The value alone.
    Value,
    /// Everything in it.
    Deep,
    /// What it takes to make a string of it: elements of lists, and the `outPath` of sets.
    Text,
    /// What it takes to write it as JSON: elements, attributes, and `outPath` in place of these.
    Json,
}

/// Parts that someone walks over.
struct Walk<'h> {
    id: u64,
    parts: Cow<'h, [Val<'h>]>,
    /// The part that the walker is at.
    front: Arc<AtomicUsize>,
    /// Parts from here on were taken.
    back: usize,
    errand: Errand,
    /// Calls in progress where the walk is.
    depth: usize,
}

impl Walk<'_> {
    fn n_left(&self) -> usize {
        let front = self.front.load(Ordering::Relaxed);
        self.back.saturating_sub(front + 1)
    }
}

/// A part that a helper has taken.
struct Job<'h> {
    word: Val<'h>,
    errand: Errand,
    depth: usize,
}

struct Helper {
    limit: StackLimit,
    /// The walk that it works for.
    walk: Option<u64>,
}

#[derive(Default)]
struct State<'h> {
    /// Oldest first, which are those with the largest parts.
    walks: Vec<Walk<'h>>,
    next_walk: u64,
    helpers: Vec<Helper>,
    /// For each task, the one that it waits for; 0 for none.
    waits_for: Vec<u32>,
    /// Threads that evaluate and do not wait, the main line among them.
    n_running: usize,
    /// Helpers that wait for something to do.
    n_idle: usize,
    n_threads: usize,
    /// The foreman sleeps until something is on offer.
    foreman_sleeps: bool,
    closing: bool,
    panic: Option<Box<dyn Any + Send>>,
}

/// What the threads of one evaluator share.
pub(crate) struct Crew<'h> {
    /// How many threads may run at once.
    n_cores: usize,
    /// How long an evaluation goes on before it gets helpers.
    patience: Duration,
    state: Mutex<State<'h>>,
    /// Something is on offer, or the crew closes, or a thread has ended.
    changed: Condvar,
    /// Whether more should be put on offer.
    is_hungry: AtomicBool,
    /// A helper has panicked.
    is_broken: AtomicBool,
}

impl<'h> Crew<'h> {
    pub(crate) fn new(n_cores: usize, patience: Duration) -> Self {
        let state = State {
            n_running: 1,
            ..State::default()
        };
        Self {
            n_cores,
            patience,
            state: Mutex::new(state),
            changed: Condvar::new(),
            is_hungry: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
        }
    }

    /// Whether more should be put on offer.
    #[inline]
    fn is_hungry(&self) -> bool {
        self.is_hungry.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, State<'h>> {
        lock(&self.state)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State<'h>>) -> MutexGuard<'a, State<'h>> {
        let waited = self.changed.wait(state);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn look_for_hunger(&self, state: &State<'h>) {
        let n_left: usize = state.walks.iter().map(Walk::n_left).sum();
        let is_hungry = !state.closing && n_left < 2 * self.n_cores;
        self.is_hungry.store(is_hungry, Ordering::Relaxed);
    }

    /// Puts the parts of a walk on offer.
    fn offer(&self, parts: Cow<'h, [Val<'h>]>, errand: Errand, depth: usize) -> Offer {
        let mut state = self.lock();
        let id = state.next_walk;
        state.next_walk += 1;
        let front = Arc::new(AtomicUsize::new(0));
        state.walks.push(Walk {
            id,
            back: parts.len(),
            parts,
            front: Arc::clone(&front),
            errand,
            depth,
        });
        self.look_for_hunger(&state);
        if state.foreman_sleeps || (state.n_idle > 0 && state.n_running < self.n_cores) {
            self.changed.notify_all();
        }
        Offer { id, front }
    }

    /// Takes a walk back, and has those give up who work for it.
    fn withdraw(&self, id: u64) {
        let mut state = self.lock();
        state.walks.retain(|walk| walk.id != id);
        for helper in &state.helpers {
            if helper.walk == Some(id) {
                helper.limit.interrupt();
            }
        }
        self.look_for_hunger(&state);
    }

    /// Takes a part, if there is one and one more thread may run.
    fn take(&self, helper: usize) -> Option<Job<'h>> {
        let mut state = self.lock();
        if state.closing || state.n_running >= self.n_cores {
            return None;
        }
        let mut found = None;
        for walk in &mut state.walks {
            while found.is_none() && walk.n_left() > 0 {
                walk.back -= 1;
                let word = walk.parts[walk.back];
                if is_worth_while(word, walk.errand) {
                    let job = Job {
                        word,
                        errand: walk.errand,
                        depth: walk.depth,
                    };
                    found = Some((walk.id, job));
                }
            }
        }
        self.look_for_hunger(&state);
        let (id, job) = found?;
        state.n_running += 1;
        state.helpers[helper].walk = Some(id);
        Some(job)
    }

    /// Notes that a helper has done or given up what it had taken.
    fn put_down(&self, helper: usize) {
        let mut state = self.lock();
        state.n_running -= 1;
        let helper = &mut state.helpers[helper];
        helper.walk = None;
        helper.limit.clear();
    }

    /// Waits until there may be something to take; false if the crew closes.
    fn rest(&self) -> bool {
        let mut state = self.lock();
        state.n_idle += 1;
        let mut may_work = false;
        while !state.closing && !may_work {
            may_work =
                state.n_running < self.n_cores && state.walks.iter().any(|it| it.n_left() > 0);
            if !may_work {
                state = self.wait(state);
            }
        }
        state.n_idle -= 1;
        !state.closing
    }

    /// Notes that a running thread begins to wait, so that another may run.
    fn pause(&self) {
        let mut state = self.lock();
        state.n_running -= 1;
        if state.n_idle > 0 {
            self.changed.notify_all();
        }
    }

    /// Notes that a thread runs again and waits for nobody. It need not wait for its turn: there
    /// may be one thread more until a helper has done what it had taken.
    fn resume(&self, task: TaskId) {
        let mut state = self.lock();
        state.n_running += 1;
        state.set_wait(task, 0);
    }

    /// Begins, with the foreman as the only thread besides the main line.
    fn open(&self) {
        let mut state = self.lock();
        state.closing = false;
        state.helpers.clear();
        state.n_threads = 1;
        self.is_hungry.store(true, Ordering::Relaxed);
    }

    /// Has everyone stop.
    fn close(&self) {
        let mut state = self.lock();
        state.closing = true;
        state.walks.clear();
        for helper in &state.helpers {
            helper.limit.interrupt();
        }
        self.is_hungry.store(false, Ordering::Relaxed);
        self.changed.notify_all();
    }

    /// Waits until all threads but the main line have ended.
    fn wait_for_the_end(&self) {
        let mut state = self.lock();
        while state.n_threads > 0 {
            state = self.wait(state);
        }
    }
}

/// Whether evaluating a part ahead could save the walker anything.
fn is_worth_while(word: Val<'_>, errand: Errand) -> bool {
    match word.resolved() {
        Some(value) => {
            errand != Errand::Value && (value.as_list().is_some() || value.as_set().is_some())
        }
        None => word.owner().is_none(),
    }
}

/// A walk on offer.
struct Offer {
    id: u64,
    front: Arc<AtomicUsize>,
}

/// Closes the crew if the main line unwinds.
struct Closing<'a, 'h> {
    crew: &'a Crew<'h>,
    heap: &'a Heap,
}

impl Drop for Closing<'_, '_> {
    fn drop(&mut self) {
        self.crew.close();
        if std::thread::panicking() {
            // The main line will not halt any more.
            self.heap.never_collect_again();
        }
    }
}

impl Ctx<'_> {
    /// Whether this is the main line.
    #[inline]
    pub(crate) fn is_main_line(&self) -> bool {
        self.task == MAIN
    }

    /// Evaluates with helpers, if the options ask for any. Nothing is noticed of them but the time
    /// it takes. What watches calls has to be set up before, and does without.
    pub fn with_helpers<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        if self.shared.crew.n_cores < 2 || self.watch.is_some() || self.debug.is_some() {
            return work(self);
        }
        let (shared, heap) = (Arc::clone(&self.shared), self.heap());
        std::thread::scope(|scope| {
            let crew = &shared.crew;
            let closing = Closing { crew, heap };
            crew.open();
            let foreman = std::thread::Builder::new()
                .name("foreman".to_owned())
                .stack_size(256 << 10)
                .spawn_scoped(scope, || foreman(scope, heap, &shared));
            if foreman.is_err() {
                crew.lock().n_threads = 0;
                return work(self);
            }
            let result = work(self);
            drop(closing);
            let in_use = self.in_use();
            self.alloc.while_halted(in_use, || crew.wait_for_the_end());
            self.pass_panic_on();
            result
        })
    }

    /// Panics as a helper did.
    fn pass_panic_on(&self) {
        let crew = &self.shared.crew;
        if crew.is_broken.load(Ordering::Acquire) {
            let panic = crew.lock().panic.take();
            std::panic::resume_unwind(panic.unwrap_or_else(|| Box::new("a helper has panicked")));
        }
    }
}

/// Starts the helpers when something is on offer.
fn foreman<'scope, 'h: 'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    heap: &'h Heap,
    shared: &'scope Arc<Shared<'h>>,
) {
    let crew = &shared.crew;
    let begin = Instant::now();
    let mut state = crew.lock();
    loop {
        if state.closing {
            break;
        }
        let left = crew.patience.saturating_sub(begin.elapsed());
        if !left.is_zero() {
            let waited = crew.changed.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        } else if state.walks.iter().any(|walk| walk.n_left() > 0) || crew.patience.is_zero() {
            break;
        } else {
            state.foreman_sleeps = true;
            state = crew.wait(state);
            state.foreman_sleeps = false;
        }
    }
    if !state.closing {
        // Some may wait while others work.
        let n_helpers = crew.n_cores - 1 + crew.n_cores.min(4);
        for idx in 0..n_helpers {
            let started = help::start(scope, heap, shared, idx);
            let Ok(limit) = started else { break };
            state.helpers.push(Helper { limit, walk: None });
            state.n_threads += 1;
        }
    }
    state.n_threads -= 1;
    drop(state);
    crew.changed.notify_all();
}
