//! The threads that use one heap, and how a collection brings all of them to a halt.
//!
//! A worker's allocator joins with the address by which its machine can be asked to stop. From then
//! on its thread is *running* or *halted*. A halted thread touches nothing of the heap, and has left
//! word of what it has in use: its native stack from here on, the slots of its value stack, and the
//! words it owns. Threads halt when a collection asks them to, at the places where they would
//! collect themselves, and also whenever they wait for something else, so that nobody is waited for
//! who waits.
//!
//! A collection begins when every other thread has halted, and goes on under the lock, so that no
//! thread resumes before it is over.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::alloc::{Alloc, COLLECT, Heap, lock};
use crate::collect::Range;
use crate::native;
use crate::stack::Stack;
use crate::word::Word;

/// What a thread has in use besides its native stack.
#[derive(Clone, Copy)]
pub struct InUse<'a> {
    pub(crate) ranges: Ranges,
    borrowed: PhantomData<&'a ()>,
}

/// The same without lifetime.
#[derive(Clone, Copy)]
pub(crate) struct Ranges {
    /// Slots, which may hold words of objects that are long gone.
    pub(crate) slots: Range,
    /// Words, or zeros.
    pub(crate) words: Range,
}

impl<'a> InUse<'a> {
    /// The words on a value stack, and words that are certainly alive.
    pub fn new<'h, C>(stack: &'a Stack<'h, C>, words: &'a [Option<Word<'h, C>>]) -> Self {
        let ranges = Ranges {
            slots: Range::new(stack.in_use()),
            words: Range::new(words),
        };
        Self {
            ranges,
            borrowed: PhantomData,
        }
    }

    /// Nothing.
    pub fn nothing() -> Self {
        let ranges = Ranges {
            slots: Range::new::<u64>(&[]),
            words: Range::new::<u64>(&[]),
        };
        Self {
            ranges,
            borrowed: PhantomData,
        }
    }
}

/// What a halted thread leaves for the collector.
#[derive(Clone, Copy)]
pub(crate) struct Halted {
    /// The part of its native stack that is in use; empty if not known.
    pub(crate) stack: (usize, usize),
    pub(crate) in_use: Ranges,
    /// Its allocator, without lifetime.
    alloc: *const Alloc<'static>,
}

// SAFETY: what is pointed to is looked at only while the thread that left it is halted.
unsafe impl Send for Halted {}

impl Halted {
    /// Gives back the runs of cells of the thread.
    ///
    /// # Safety
    /// The thread must be halted, and the heap must be the one it allocates from.
    pub(crate) unsafe fn retire(&self) {
        // SAFETY: the allocator is borrowed by the function that halted its thread, which has not
        // returned; the thread does nothing with it meanwhile, and the lock orders both.
        unsafe { (*self.alloc).retire() }
    }
}

struct Member {
    limit: Arc<AtomicUsize>,
    halted: Option<Halted>,
}

#[derive(Default)]
pub(crate) struct State {
    members: Vec<Option<Member>>,
    /// A collection waits for the others, or runs.
    collecting: bool,
    /// No collection is to begin any more, since a thread will never halt.
    abandoned: bool,
}

impl State {
    /// What all halted threads have left.
    pub(crate) fn halted(&self) -> impl Iterator<Item = &Halted> {
        let members = self.members.iter().flatten();
        members.filter_map(|member| member.halted.as_ref())
    }

    fn others_run(&self, own: Option<usize>) -> bool {
        let others = |idx: usize| Some(idx) != own;
        (0..)
            .zip(&self.members)
            .any(|(idx, it)| others(idx) && it.as_ref().is_some_and(|it| it.halted.is_none()))
    }
}

/// The threads of one heap.
#[derive(Default)]
pub(crate) struct World {
    state: Mutex<State>,
    changed: Condvar,
    /// Whether a collection waits for threads to halt, or runs.
    stops: AtomicBool,
}

impl World {
    fn join(&self, limit: Arc<AtomicUsize>) -> usize {
        let mut state = lock(&self.state);
        if state.collecting {
            limit.fetch_max(COLLECT, Ordering::SeqCst);
        }
        let member = Some(Member {
            limit,
            halted: None,
        });
        if let Some(idx) = state.members.iter().position(Option::is_none) {
            state.members[idx] = member;
            return idx;
        }
        state.members.push(member);
        state.members.len() - 1
    }

    pub(crate) fn leave(&self, member: usize) {
        lock(&self.state).members[member] = None;
        self.changed.notify_all();
    }

    fn halt(&self, member: usize, halted: Halted) {
        let mut state = lock(&self.state);
        if let Some(member) = &mut state.members[member] {
            member.halted = Some(halted);
        }
        if state.collecting {
            self.changed.notify_all();
        }
    }

    fn resume(&self, member: usize) {
        let mut state = lock(&self.state);
        while state.collecting && !state.abandoned {
            state = self.wait(state);
        }
        if let Some(member) = &mut state.members[member] {
            member.halted = None;
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let waited = self.changed.wait(state);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a collection with every other thread halted, unless one is under way or it turns out
    /// not to be due.
    pub(crate) fn alone<R>(
        &self,
        own: Option<usize>,
        is_due: impl FnOnce() -> bool,
        collect: impl FnOnce(&State) -> R,
    ) -> Alone<R> {
        let mut state = lock(&self.state);
        if state.collecting {
            return Alone::UnderWay;
        }
        if state.abandoned || !is_due() {
            return Alone::NotNow;
        }
        state.collecting = true;
        self.stops.store(true, Ordering::SeqCst);
        for member in state.members.iter().flatten() {
            if member.halted.is_none() {
                member.limit.fetch_max(COLLECT, Ordering::SeqCst);
            }
        }
        while state.others_run(own) && !state.abandoned {
            state = self.wait(state);
        }
        let result = (!state.abandoned).then(|| collect(&state));
        state.collecting = false;
        self.stops.store(false, Ordering::SeqCst);
        drop(state);
        self.changed.notify_all();
        result.map_or(Alone::NotNow, Alone::Done)
    }
}

/// What became of an attempt to collect.
pub(crate) enum Alone<R> {
    Done(R),
    /// Another thread is about to collect.
    UnderWay,
    NotNow,
}

impl Heap {
    /// Whether a collection waits for all threads to halt.
    pub fn must_halt(&self) -> bool {
        self.world.stops.load(Ordering::SeqCst)
    }

    /// Lets no collection begin any more: a thread of this heap has failed and will not halt.
    pub fn never_collect_again(&self) {
        lock(&self.world.state).abandoned = true;
        self.world.changed.notify_all();
    }
}

impl Alloc<'_> {
    /// Makes the worker known to the collector. `limit` is the address that its machine compares
    /// its stack pointer with; it is set to [`COLLECT`] to ask the machine to collect or to halt.
    /// It has to be called by the thread that will use the allocator.
    pub fn join(&self, limit: Arc<AtomicUsize>) {
        self.asks_by.get_or_init(|| Arc::clone(&limit));
        self.stack_end.set(native::stack_end().unwrap_or_default());
        self.member.get_or_init(|| self.heap().world.join(limit));
    }

    /// Does something that may take long and touches nothing of the heap, while the thread counts
    /// as halted.
    #[inline(never)]
    pub fn while_halted<R>(&self, in_use: InUse<'_>, work: impl FnOnce() -> R) -> R {
        let Some(&member) = self.member.get() else {
            return work();
        };
        let mut registers = [0_u64; 12];
        let is_known = native::save_registers(&mut registers) && self.stack_end.get() != 0;
        let here = std::ptr::from_ref(&registers).expose_provenance();
        let stack = if is_known {
            (here, self.stack_end.get())
        } else {
            (0, 0)
        };
        let world = &self.heap().world;
        world.halt(
            member,
            Halted {
                stack,
                in_use: in_use.ranges,
                alloc: std::ptr::from_ref(self).cast(),
            },
        );
        let result = work();
        world.resume(member);
        std::hint::black_box(&registers);
        result
    }
}
