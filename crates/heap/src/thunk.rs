//! Thunks: one atomic word that is both state and result.
//!
//! | state word | state |
//! |---|---|
//! | address of a [`Unit`], low bits `0111` | suspended; the captures follow the word |
//! | number of a task, low bits `1111` | being evaluated by that task |
//! | highest bit, two numbers, low bits `1111` | suspended; one of a row |
//! | any word that is no thunk | the value |
//!
//! What `map` and its like make are *rows*: one unit and two captures, the function and where its
//! arguments come from, followed by nothing but the state words of up to [`MAX_ROW`] thunks. A
//! suspended one says which place it has in its row and which application it stands for.
//!
//! Transitions: a task **claims** a suspended thunk by compare-and-swap, and either **finishes** it
//! (the value is stored with release order, so that whoever loads it with acquire order sees what
//! it points to), **abandons** it, which puts the old word back, or **suspends** it again with a
//! unit that fails the same way. A thunk that a task finds owned by itself is an infinite recursion; one owned
//! by another task is to be waited for. Nothing else writes the word.
//!
//! Captures are readable while the thunk is suspended or owned, and garbage afterwards; they are
//! not erased, since the reader may be another task that is about to fail its claim; the collector
//! does not look at them.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::alloc::Alloc;
use crate::blocks::Content;
use crate::function::Unit;
use crate::word::{Slot, TAG_MASK, TAG_THUNK, Word};

const OWNED: u64 = 0xf;
/// Set in the state of a suspended thunk of a row; no number of a task reaches that far.
const IN_ROW: u64 = 1 << 63;
/// Where the place in the row begins; the number of the application is below.
const PLACE_SHIFT: u32 = 40;
/// Words of a row before its thunks: the address of the unit and two captures.
pub(crate) const ROW_HEADER: usize = 3;
/// Thunks of one row at most. What they share lives as long as any that is suspended.
const MAX_ROW: usize = 64;

/// Whether a state word says that somebody is evaluating the thunk.
#[inline]
fn is_owned(state: u64) -> bool {
    state & (OWNED | IN_ROW) == OWNED
}

/// A task that may own thunks. Numbers start at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TaskId(pub u32);

/// What became of an attempt to claim a thunk.
pub enum Attempt<'h, C> {
    /// It is ours to evaluate.
    Claimed(Claim<'h, C>),
    /// It has a value.
    Done(Word<'h, C>),
    /// This task is evaluating it.
    Owned(TaskId),
}

/// The duty to evaluate one thunk: either [`Claim::finish`] or [`Claim::abandon`] must follow.
#[must_use = "a claimed thunk must be finished or abandoned"]
pub struct Claim<'h, C> {
    state: &'h AtomicU64,
    /// The state word before.
    before: u64,
    /// What to evaluate.
    pub unit: &'h Unit<'h, C>,
    /// With these captures.
    pub caps: &'h [Slot<'h, C>],
}

impl<'h, C> Claim<'h, C> {
    /// Stores the value.
    ///
    /// # Panics
    /// If the value is itself a thunk.
    #[inline]
    pub fn finish(self, value: Word<'h, C>) {
        assert!(!value.is_thunk(), "the value of a thunk is no thunk");
        self.state.store(value.bits.get(), Ordering::Release);
    }

    /// Makes the thunk one that runs another unit when it is forced again.
    ///
    /// # Panics
    /// If the unit captures anything: the thunk keeps the captures it has.
    pub fn suspend_as(self, unit: &'h Unit<'h, C>) {
        assert_eq!(unit.n_caps, 0, "the new unit captures nothing");
        let address = std::ptr::from_ref(unit).expose_provenance() as u64;
        self.state.store(address | TAG_THUNK, Ordering::Release);
    }

    /// Makes the thunk what it was.
    pub fn abandon(self) {
        self.state.store(self.before, Ordering::Release);
    }

    /// Which application of a row this is; 0 for a thunk that is in none.
    #[inline]
    pub fn number(&self) -> u32 {
        if self.before & IN_ROW == 0 {
            return 0;
        }
        (self.before >> 4) as u32
    }
}

impl<'h, C> Word<'h, C> {
    /// A suspended thunk and its captures, which are to be set before anybody forces it.
    #[inline]
    pub fn thunk(alloc: &Alloc<'h>, unit: &'h Unit<'h, C>) -> (Self, &'h [Slot<'h, C>]) {
        let n = unit.n_caps as usize;
        let object = alloc.words(Content::Thunks, 1 + n);
        // SAFETY: fresh zeroed words: the state, and as many unset slots as the unit captures.
        unsafe {
            object.write(std::ptr::from_ref(unit).expose_provenance() as u64 | TAG_THUNK);
            let caps = std::slice::from_raw_parts(object.add(1).cast::<Slot<'h, C>>(), n);
            (Self::from_object(object, TAG_THUNK), caps)
        }
    }

    /// A suspended thunk with these captures.
    ///
    /// # Panics
    /// If they are fewer than its unit captures.
    #[inline]
    pub fn thunk_of(
        alloc: &Alloc<'h>,
        unit: &'h Unit<'h, C>,
        mut captures: impl Iterator<Item = Self>,
    ) -> Self {
        let n = unit.n_caps as usize;
        let object = alloc.words(Content::Thunks, 1 + n);
        // SAFETY: fresh zeroed words: the state, and as many slots as the unit captures.
        unsafe {
            object.write(std::ptr::from_ref(unit).expose_provenance() as u64 | TAG_THUNK);
            let caps = object.add(1).cast::<Self>();
            for idx in 0..n {
                caps.add(idx)
                    .write(captures.next().expect("all that is captured"));
            }
            Self::from_object(object, TAG_THUNK)
        }
    }

    /// `n` suspended thunks with the same unit and captures, made as they are asked for. Whoever
    /// evaluates one finds its number, counted from 0, in [`Claim::number`].
    ///
    /// # Panics
    /// If the unit does not capture two words, or there are 2³² thunks or more.
    pub fn rows(
        alloc: &Alloc<'h>,
        unit: &'h Unit<'h, C>,
        captures: [Self; 2],
        n: usize,
    ) -> impl Iterator<Item = Self> {
        assert_eq!(unit.n_caps as usize, captures.len(), "rows capture two");
        let n = u32::try_from(n).expect("fewer than 2^32 thunks");
        let mut row = std::ptr::null_mut();
        (0..n).map(move |number| {
            let place = number as usize % MAX_ROW;
            if place == 0 {
                let len = ((n - number) as usize).min(MAX_ROW);
                row = alloc.words(Content::Rows, ROW_HEADER + len);
                // SAFETY: the first of so many fresh words.
                unsafe {
                    row.write(std::ptr::from_ref(unit).expose_provenance() as u64);
                    row.add(1).write(captures[0].bits.get());
                    row.add(2).write(captures[1].bits.get());
                }
            }
            let state = IN_ROW | (place as u64) << PLACE_SHIFT | u64::from(number) << 4 | OWNED;
            // SAFETY: a row has a word for each of its places, and this one was not handed out.
            unsafe {
                let thunk = row.add(ROW_HEADER + place);
                thunk.write(state);
                Self::from_object(thunk, TAG_THUNK)
            }
        })
    }

    #[inline]
    fn state(self) -> &'h AtomicU64 {
        debug_assert!(self.is_thunk());
        // SAFETY: a word with the thunk tag points to a thunk, whose first word is only accessed
        // as this atomic.
        unsafe { AtomicU64::from_ptr(self.object()) }
    }

    /// The value, if this is one or is a thunk that has one.
    #[inline]
    pub fn resolved(self) -> Option<Self> {
        if !self.is_thunk() {
            return Some(self);
        }
        let state = self.state().load(Ordering::Acquire);
        if state & TAG_MASK == TAG_THUNK {
            return None;
        }
        NonZeroU64::new(state).map(Self::from_bits)
    }

    /// The task that is evaluating this thunk now.
    pub fn owner(self) -> Option<TaskId> {
        if !self.is_thunk() {
            return None;
        }
        let state = self.state().load(Ordering::Relaxed);
        is_owned(state).then_some(TaskId((state >> 4) as u32))
    }

    /// What a suspended thunk would evaluate, for those who print or explain it.
    pub fn suspended(self) -> Option<(&'h Unit<'h, C>, &'h [Slot<'h, C>])> {
        if !self.is_thunk() {
            return None;
        }
        let state = self.state().load(Ordering::Acquire);
        (state & TAG_MASK == TAG_THUNK && !is_owned(state)).then(|| self.parts(state))
    }

    /// The unit that a suspended state word names, and the captures behind it.
    #[inline]
    fn parts(self, state: u64) -> (&'h Unit<'h, C>, &'h [Slot<'h, C>]) {
        debug_assert!(state & TAG_MASK == TAG_THUNK && !is_owned(state));
        if state & OWNED == OWNED {
            return self.parts_of_row(state);
        }
        // SAFETY: a suspended state word is the address of the unit that the thunk was made with,
        // and the thunk has as many slots behind its state word as that unit captures.
        unsafe {
            let unit: &'h Unit<'h, C> =
                &*std::ptr::with_exposed_provenance((state & !OWNED) as usize);
            let caps = std::slice::from_raw_parts(
                self.object().add(1).cast::<Slot<'h, C>>(),
                unit.n_caps as usize,
            );
            (unit, caps)
        }
    }

    /// The unit and the captures of the row that this thunk is in.
    fn parts_of_row(self, state: u64) -> (&'h Unit<'h, C>, &'h [Slot<'h, C>]) {
        let place = ((state & !IN_ROW) >> PLACE_SHIFT) as usize;
        // SAFETY: a thunk of a row knows how many words after the row's beginning it stands, and a
        // row begins with its unit and two captures.
        unsafe {
            let row = self.object().sub(ROW_HEADER + place);
            let unit: &'h Unit<'h, C> = &*std::ptr::with_exposed_provenance(row.read() as usize);
            let caps = std::slice::from_raw_parts(row.add(1).cast::<Slot<'h, C>>(), ROW_HEADER - 1);
            (unit, caps)
        }
    }

    /// Tries to become the one who evaluates this thunk.
    ///
    /// # Panics
    /// If this is no thunk.
    #[inline]
    pub fn claim(self, task: TaskId) -> Attempt<'h, C> {
        assert!(self.is_thunk(), "only thunks are claimed");
        let state = self.state();
        let mut seen = state.load(Ordering::Acquire);
        loop {
            if seen & TAG_MASK != TAG_THUNK {
                let bits = NonZeroU64::new(seen).expect("a state word is never zero");
                return Attempt::Done(Self::from_bits(bits));
            }
            if is_owned(seen) {
                return Attempt::Owned(TaskId((seen >> 4) as u32));
            }
            let owned = (u64::from(task.0) << 4) | OWNED;
            match state.compare_exchange_weak(seen, owned, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => {
                    let (unit, caps) = self.parts(seen);
                    return Attempt::Claimed(Claim {
                        state,
                        before: seen,
                        unit,
                        caps,
                    });
                }
                Err(now) => seen = now,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Heap;

    fn unit<'h>(alloc: &Alloc<'h>) -> &'h Unit<'h, u32> {
        alloc.value(Unit::new([3, 0, 1, 0], 0, 0))
    }

    #[test]
    fn a_thunk_is_claimed_once_and_finished() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let (thunk, caps) = Word::thunk(&alloc, unit(&alloc));
        caps[0].set(Word::bool(true));
        assert!(thunk.resolved().is_none());
        let Attempt::Claimed(claim) = thunk.claim(TaskId(1)) else {
            panic!("nobody else claims it")
        };
        assert_eq!(claim.caps[0].get().as_bool(), Some(true));
        assert!(matches!(thunk.claim(TaskId(2)), Attempt::Owned(TaskId(1))));
        assert_eq!(thunk.owner(), Some(TaskId(1)));
        claim.finish(Word::int(&alloc, 8));
        assert_eq!(thunk.resolved().and_then(Word::as_int), Some(8));
        assert!(matches!(thunk.claim(TaskId(2)), Attempt::Done(_)));
    }

    #[test]
    fn an_abandoned_thunk_is_as_before() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let (thunk, caps) = Word::thunk(&alloc, unit(&alloc));
        caps[0].set(Word::null());
        let Attempt::Claimed(claim) = thunk.claim(TaskId(1)) else {
            panic!("nobody else claims it")
        };
        claim.abandon();
        assert_eq!(thunk.suspended().map(|(unit, _)| unit.entry), Some(3));
        assert!(matches!(thunk.claim(TaskId(2)), Attempt::Claimed(_)));
    }

    #[test]
    fn a_failed_thunk_may_run_another_unit() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let (thunk, caps) = Word::thunk(&alloc, unit(&alloc));
        caps[0].set(Word::null());
        let Attempt::Claimed(claim) = thunk.claim(TaskId(1)) else {
            panic!("nobody else claims it")
        };
        claim.suspend_as(alloc.value(Unit::new([8, 0, 0, 0], 0, 0)));
        assert_eq!(thunk.suspended().map(|(unit, _)| unit.entry), Some(8));
    }

    #[test]
    fn thunks_of_rows_know_their_numbers() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let unit: &Unit<'_, u32> = alloc.value(Unit::new([5, 0, 2, 1], 0, 0));
        let captures = [Word::bool(true), Word::null()];
        let thunks: Vec<_> = Word::rows(&alloc, unit, captures, 150).collect();
        for (number, thunk) in thunks.iter().enumerate() {
            assert!(thunk.resolved().is_none());
            assert_eq!(thunk.owner(), None);
            let Attempt::Claimed(claim) = thunk.claim(TaskId(7)) else {
                panic!("nobody else claims it")
            };
            assert_eq!((claim.number() as usize, claim.unit.entry), (number, 5));
            assert_eq!(claim.caps[0].get().as_bool(), Some(true));
            assert!(matches!(thunk.claim(TaskId(8)), Attempt::Owned(TaskId(7))));
            match number % 3 {
                0 => claim.finish(Word::int(&alloc, number as i64)),
                1 => claim.abandon(),
                _ => claim.suspend_as(alloc.value(Unit::new([8, 0, 0, 0], 0, 0))),
            }
        }
        for (number, thunk) in thunks.iter().enumerate() {
            let suspended = thunk
                .suspended()
                .map(|(unit, caps)| (unit.entry, caps.len()));
            match number % 3 {
                0 => assert_eq!(thunk.resolved().and_then(Word::as_int), Some(number as i64)),
                1 => assert_eq!(suspended, Some((5, 2))),
                _ => assert_eq!(suspended, Some((8, 0))),
            }
        }
    }

    #[test]
    fn one_of_many_threads_wins() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let unit = unit(&alloc);
        for _ in 0..200 {
            let (thunk, caps) = Word::thunk(&alloc, unit);
            caps[0].set(Word::null());
            let wins: u32 = std::thread::scope(|scope| {
                let workers: Vec<_> = (1..4)
                    .map(|task| {
                        scope.spawn(move || match thunk.claim(TaskId(task)) {
                            Attempt::Claimed(claim) => {
                                claim.finish(Word::bool(true));
                                1
                            }
                            Attempt::Done(_) | Attempt::Owned(_) => 0,
                        })
                    })
                    .collect();
                workers
                    .into_iter()
                    .map(|worker| worker.join().expect("no panic"))
                    .sum()
            });
            assert_eq!(wins, 1);
            assert_eq!(thunk.resolved().and_then(Word::as_bool), Some(true));
        }
    }
}
