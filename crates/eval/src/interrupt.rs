//! Ending an evaluation from outside, and asking it to collect the heap.
//!
//! The machine compares its stack pointer with a limit wherever it recurses. An interrupt moves the
//! limit above every stack, so that the next comparison fails; what it then finds is told apart
//! from a real end of the stack by the value of the limit. A thunk that was being evaluated becomes
//! what it was before, so that nothing is lost. The allocator asks for a collection in the same way,
//! so that asking costs nothing while nobody asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::ctx::Ctx;
use crate::error::{ErrorKind, Fail};

/// The limit that no stack pointer satisfies.
const INTERRUPTED: usize = usize::MAX;
/// Another one, which an interrupt may replace.
const COLLECT: usize = firn_heap::COLLECT;

/// The address that the native stack of a worker must not grow below.
#[derive(Clone, Debug)]
pub(crate) struct StackLimit {
    current: Arc<AtomicUsize>,
    real: Arc<AtomicUsize>,
}

impl StackLimit {
    pub(crate) fn of_this_thread() -> Self {
        let limit = Self::unknown();
        limit.is_of_this_thread();
        limit
    }

    /// That of a thread that has not started yet.
    pub(crate) fn unknown() -> Self {
        Self {
            current: Arc::default(),
            real: Arc::default(),
        }
    }

    /// Makes it that of the thread that calls.
    pub(crate) fn is_of_this_thread(&self) {
        let real = crate::stack::limit();
        self.real.store(real, Ordering::Relaxed);
        self.current.fetch_max(real, Ordering::SeqCst);
    }

    fn real(&self) -> usize {
        self.real.load(Ordering::Relaxed)
    }

    /// For the allocator to ask with.
    pub(crate) fn shared(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.current)
    }

    /// Makes the next comparison fail, and all that follow until [`StackLimit::clear`].
    pub(crate) fn interrupt(&self) {
        self.current.store(INTERRUPTED, Ordering::SeqCst);
    }

    /// Takes an interrupt back. The machine may have been asked to collect meanwhile, and looks.
    pub(crate) fn clear(&self) {
        let order = Ordering::SeqCst;
        let _ = (self.current).compare_exchange(INTERRUPTED, COLLECT, order, order);
    }

    /// Asks the machine to collect when it can.
    pub(crate) fn ask_to_collect(&self) {
        self.current.fetch_max(COLLECT, Ordering::SeqCst);
    }

    /// Takes that back.
    pub(crate) fn no_longer_ask(&self) {
        let order = Ordering::SeqCst;
        // If it is an interrupt by now, that stays.
        let _ = (self.current).compare_exchange(COLLECT, self.real(), order, order);
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a load and a comparison")]
    pub(crate) fn is_passed(&self) -> bool {
        firn_heap::stack_pointer() < self.current.load(Ordering::Relaxed)
    }
}

/// Ends the evaluation of one worker, from any thread.
#[derive(Clone, Debug)]
pub struct Interrupter(StackLimit);

impl Interrupter {
    /// Makes the evaluation fail soon.
    pub fn interrupt(&self) {
        self.0.interrupt();
    }

    /// Takes an interrupt back that nothing has met yet.
    pub fn clear(&self) {
        self.0.clear();
    }
}

impl Ctx<'_> {
    /// What interrupts this worker.
    pub fn interrupter(&self) -> Interrupter {
        Interrupter(self.stack_limit.clone())
    }

    /// Finds out why the comparison with the limit failed.
    #[cold]
    #[inline(never)]
    pub(crate) fn look_up(&mut self) -> Result<(), Fail> {
        let current = self.stack_limit.current.load(Ordering::Relaxed);
        if current == INTERRUPTED {
            if self.heap().must_halt() {
                self.alloc.while_halted(self.in_use(), || {});
            }
            if !self.is_main_line() {
                return Err(self.give_up());
            }
            self.stack_limit.clear();
            return Err(self.error(ErrorKind::Interrupted, "interrupted by the user"));
        }
        if firn_heap::stack_pointer() < self.stack_limit.real() {
            return Err(self.stack_overflow(None));
        }
        if current == COLLECT {
            self.collect_if_due();
        }
        Ok(())
    }
}
