//! The collector: marks what can be reached, in place, and leaves the rest to be handed out again.
//!
//! Nothing moves. It is *precise* about objects, which lie in cells of known content, and about
//! registered roots: the constants of code, globals, pinned words. It is *conservative* about
//! stacks: a word of a native stack or a value stack that looks like an address in a cell keeps
//! that cell, wherever in the cell it points. So slices, handles and half-built things of running
//! builtins stay valid as long as they are used.
//!
//! A collection happens only where the machine asks for it ([`Alloc::collect`]), which it does when
//! it begins to evaluate something; other threads have halted at such a place too, or where they
//! wait (`world`). Hence the one rule for those who hold words: **a word that
//! lives through an evaluation must be on a stack, in an object that is, or pinned**. A `Vec` has its
//! words elsewhere; if they are not elements of something that is kept anyway, they are to be put
//! on the value stack as well.
//!
//! What else must hold:
//! - A cell is complete or zero whenever a collection may begin.
//! - The captures of a thunk are dead once it has a value, and are not looked at.
//! - Words in objects stay as they are. To put the value of a thunk in its place would free thunks, but
//!   also one that a builtin has taken from a list and still holds in a `Vec`.
//! - An address of a private shape kept outside of cells, shifted for a tag, is an inline cache
//!   that is registered with its code, or lies on a native stack: the first are wiped if their
//!   shape dies, the second keep it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::alloc::{Alloc, Heap, lock};
use crate::blocks::{Content, Space};
use crate::native;
use crate::set::InlineCache;
use crate::thunk::ROW_HEADER;
use crate::word::{Slot, TAG_IMMEDIATE, TAG_INT, TAG_MASK, TAG_STRING, TAG_THUNK, Word};
use crate::world::{Alone, InUse, Ranges, State};

/// When to collect.
pub(crate) struct Trigger {
    /// Bytes taken since the last collection.
    since: AtomicUsize,
    /// Collect when so many bytes were taken.
    budget: AtomicUsize,
    /// The least budget.
    threshold: AtomicUsize,
    /// Whether dead cells are filled with nonsense, for tests.
    poison: std::sync::atomic::AtomicBool,
}

impl Default for Trigger {
    fn default() -> Self {
        Self {
            since: AtomicUsize::new(0),
            budget: AtomicUsize::new(usize::MAX),
            threshold: AtomicUsize::new(usize::MAX),
            poison: std::sync::atomic::AtomicBool::new(false),
        }
    }
}

impl Trigger {
    /// Counts bytes; whether it is time to collect.
    pub(crate) fn took(&self, bytes: usize) -> bool {
        let since = self.since.fetch_add(bytes, Ordering::Relaxed) + bytes;
        since >= self.budget.load(Ordering::Relaxed)
    }

    /// Whether it is time to collect.
    fn is_due(&self) -> bool {
        self.since.load(Ordering::Relaxed) >= self.budget.load(Ordering::Relaxed)
    }
}

/// A range of slots, or of inline caches, that lives as long as the heap.
#[derive(Clone, Copy)]
pub(crate) struct Range {
    start: *const u64,
    len: usize,
}

impl Range {
    /// A range of things that are as large as a word.
    pub(crate) fn new<T>(slice: &[T]) -> Self {
        const { assert!(size_of::<T>() == 8) };
        Self {
            start: slice.as_ptr().cast(),
            len: slice.len(),
        }
    }
}

// SAFETY: the ranges are of atomics.
unsafe impl Send for Range {}

/// What is always kept.
#[derive(Default)]
pub(crate) struct Roots {
    slots: Mutex<Vec<Range>>,
    caches: Mutex<Vec<Range>>,
    pinned: Mutex<Vec<u64>>,
}

impl Heap {
    /// Lets collections begin, once `threshold` bytes were taken. Later ones begin when half as much
    /// was taken again, or half of what was found alive if that is more.
    pub fn collect_from(&self, threshold: usize) {
        self.trigger.threshold.store(threshold, Ordering::Relaxed);
        self.trigger.budget.store(threshold, Ordering::Relaxed);
    }

    /// Fills what is dead with nonsense, so that tests find words that nobody kept.
    pub fn poison_the_dead(&self) {
        self.trigger.poison.store(true, Ordering::Relaxed);
    }

    /// Keeps a word for good.
    pub fn pin<C>(&self, word: Word<'_, C>) {
        if !matches!(word.tag(), TAG_INT | TAG_IMMEDIATE) {
            lock(&self.roots.pinned).push(word.bits.get());
        }
    }

    /// Unpins all words that were pinned.
    pub fn unpin_all(&self) {
        lock(&self.roots.pinned).clear();
    }

    /// Keeps whatever these slots hold.
    pub(crate) fn add_root<C>(&self, slots: &[Slot<'_, C>]) {
        lock(&self.roots.slots).push(Range::new(slots));
    }

    /// Watches over inline caches that outlive a collection.
    pub fn add_caches<'h>(&'h self, caches: &'h [InlineCache]) {
        lock(&self.roots.caches).push(Range::new(caches));
    }
}

/// Cells that are being fetched while others are looked at.
const IN_FLIGHT: usize = 8;

/// Asks for the cell at an address, which may be 0, to be brought near.
#[inline]
fn prefetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch is a hint, and does nothing for an address that is not mapped.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::with_exposed_provenance(address));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Finds what can be reached.
pub struct Marker<'a> {
    spaces: &'a [Space],
    /// Addresses of marked cells whose contents are still to be looked at.
    pending: Vec<usize>,
}

impl Marker<'_> {
    #[inline]
    fn space_of(&self, address: usize) -> Option<&Space> {
        match self.spaces.first() {
            Some(first) if first.holds(address) => Some(first),
            _ => self.spaces.iter().skip(1).find(|it| it.holds(address)),
        }
    }

    /// Keeps a word.
    #[inline]
    pub fn word<C>(&mut self, word: Word<'_, C>) {
        self.bits(word.bits.get());
    }

    /// Keeps what a thread has in use. Slots of its value stack may hold words of objects that are
    /// long gone.
    ///
    /// # Safety
    /// The thread must be halted or this one, and must have left this word about itself.
    unsafe fn in_use(&mut self, in_use: &Ranges) {
        for idx in 0..in_use.slots.len {
            // SAFETY: the slots are those of a value stack, which nobody writes meanwhile.
            let bits = unsafe { in_use.slots.start.add(idx).read() };
            if bits != 0 && !matches!(bits & TAG_MASK, TAG_INT | TAG_IMMEDIATE) {
                self.address((bits & !TAG_MASK) as usize);
            }
        }
        self.drain();
        // SAFETY: the words are those of a vector, which nobody writes meanwhile.
        unsafe { self.all(in_use.words.start, in_use.words.len) };
        self.drain();
    }

    /// Keeps what a word that is certainly one points to.
    #[inline]
    fn bits(&mut self, bits: u64) {
        let tag = bits & TAG_MASK;
        if matches!(tag, TAG_INT | TAG_IMMEDIATE) {
            return;
        }
        let address = (bits & !TAG_MASK) as usize;
        if let Some(space) = self.space_of(address)
            && !space.mark(address)
            && tag != TAG_STRING
        {
            self.pending.push(address);
        }
    }

    /// Keeps the cell that an address points into, if it does. An address right behind a cell may
    /// be that of an empty slice in it.
    fn address(&mut self, address: usize) {
        let Some(space) = self.space_of(address) else {
            return;
        };
        let Some(cell) = space.cell_of(address) else {
            return;
        };
        let before = (cell == address).then(|| address - 1);
        let place = match space.block_of(address).content {
            Content::Rows => address & !7,
            _ => cell,
        };
        if !space.mark(place) {
            self.pending.push(place);
        }
        if let Some(before) = before
            && let Some(space) = self.space_of(before)
            && let Some(cell) = space.cell_of(before)
            && !space.mark(cell)
        {
            self.pending.push(cell);
        }
    }

    /// Keeps what a word of a native stack may stand for: an address, a tagged word, or an inline
    /// cache.
    fn guess(&mut self, bits: u64) {
        self.address((bits & !TAG_MASK) as usize);
        self.address((bits >> 16) as usize);
    }

    /// Looks at the contents of cells until nothing is pending. A cell waits for a few others
    /// before its turn comes, while the processor fetches it: marking is little else than waiting
    /// for memory.
    fn drain(&mut self) {
        let mut coming = [0; IN_FLIGHT];
        let mut turn = 0;
        let mut n_empty = 0;
        while n_empty < IN_FLIGHT {
            let next = self.pending.pop().unwrap_or(0);
            prefetch(next);
            let cell = std::mem::replace(&mut coming[turn % IN_FLIGHT], next);
            turn += 1;
            if cell == 0 {
                n_empty = if next == 0 { n_empty + 1 } else { 0 };
                continue;
            }
            n_empty = 0;
            let Some(space) = self.space_of(cell) else {
                continue;
            };
            let block = space.block_of(cell);
            let n = block.cell_words as usize;
            let start: *mut u64 = std::ptr::with_exposed_provenance_mut(cell);
            // SAFETY: a marked cell has `n` words, which are complete or zero, and a collection is
            // alone. What a suspended thunk has behind its state, and an object behind its header,
            // are words.
            unsafe {
                match block.content {
                    Content::Thunks if start.read() & TAG_MASK != TAG_THUNK => {
                        self.bits(start.read());
                    }
                    Content::Thunks => self.all(start.add(1), n - 1),
                    Content::Words => self.object(start, n),
                    Content::Rows => self.row(cell),
                    Content::Addresses => {
                        (0..n).for_each(|idx| self.address(start.add(idx).read() as usize));
                    }
                    Content::Bytes | Content::Fixed | Content::Free => {}
                }
            }
        }
    }

    /// Looks at a place in a row of thunks: at the value of the thunk there, or else at what the
    /// thunks share.
    ///
    /// # Safety
    /// The place must be that of a complete word in a row.
    unsafe fn row(&mut self, place: usize) {
        let Some(space) = self.space_of(place) else {
            return;
        };
        let Some(row) = space.cell_of(place) else {
            return;
        };
        space.mark(row);
        // SAFETY: as the caller promises; a collection is alone.
        unsafe {
            let state = std::ptr::with_exposed_provenance::<u64>(place).read();
            if (place - row) / 8 >= ROW_HEADER && state & TAG_MASK != TAG_THUNK {
                if state != 0 {
                    self.bits(state);
                }
                return;
            }
            let shared = std::ptr::with_exposed_provenance::<u64>(row + 8);
            self.all(shared, ROW_HEADER - 1);
        }
    }

    /// Keeps `n` words.
    ///
    /// # Safety
    /// `start` must be followed by `n` words or zeros that nobody else writes meanwhile.
    #[inline]
    unsafe fn all(&mut self, start: *const u64, n: usize) {
        for idx in 0..n {
            // SAFETY: as the caller promises.
            let bits = unsafe { start.add(idx).read() };
            if bits != 0 {
                self.bits(bits);
            }
        }
    }

    /// An object with a header. The header of a set is the address of its shape, which may lie in a
    /// cell. Partial applications and layered sets begin with 1 and have a count as third word;
    /// nothing else of more than two words does but a list of one element with room to spare, which
    /// does not exist.
    ///
    /// # Safety
    /// `start` must be that of a cell of `n` words that holds such an object or zeros.
    unsafe fn object(&mut self, start: *mut u64, n: usize) {
        // SAFETY: as the caller promises.
        unsafe {
            let header = start.read() as usize;
            if header == 1 && n > 2 {
                self.all(start.add(1), 1);
                self.all(start.add(3), n - 3);
                return;
            }
            if self
                .space_of(header)
                .is_some_and(|space| space.block_of(header).content == Content::Addresses)
            {
                self.address(header);
            }
            self.all(start.add(1), n - 1);
        }
    }
}

/// What a collection found.
#[derive(Clone, Copy, Debug)]
pub struct Collected {
    /// Bytes in live cells.
    pub live_bytes: u64,
}

impl Alloc<'_> {
    /// Collects, if it is known how on this system and still due, with all other threads of the heap
    /// halted; `force` does so in any case. If another thread is about to collect, this one halts
    /// for that. `more` is to keep what the caller knows of and the collector does not.
    ///
    /// Whoever holds words must have heeded the rule in the module's documentation.
    pub fn collect(
        &self,
        in_use: InUse<'_>,
        force: bool,
        more: &mut dyn FnMut(&mut Marker<'_>),
    ) -> Option<Collected> {
        let heap = self.heap();
        let is_due = || force || heap.trigger.is_due();
        let own = self.member.get().copied();
        let outcome =
            (heap.world).alone(own, is_due, |state| self.collect_alone(in_use, state, more));
        match outcome {
            Alone::Done(collected) => collected,
            Alone::NotNow => None,
            Alone::UnderWay => {
                self.while_halted(in_use, || {});
                None
            }
        }
    }

    fn collect_alone(
        &self,
        in_use: InUse<'_>,
        state: &State,
        more: &mut dyn FnMut(&mut Marker<'_>),
    ) -> Option<Collected> {
        let heap = self.heap();
        let never = || {
            heap.trigger.budget.store(usize::MAX, Ordering::Relaxed);
            None
        };
        if state.halted().any(|halted| halted.stack.0 == 0) {
            return never();
        }
        let Some(end) = native::stack_end() else {
            return never();
        };
        self.retire();
        for halted in state.halted() {
            // SAFETY: those who have left something are halted, and are of this heap.
            unsafe { halted.retire() };
        }
        let mut blocks = lock(&heap.blocks);
        blocks.prepare();
        let mut marker = Marker {
            spaces: &blocks.spaces,
            pending: Vec::new(),
        };
        if !native::visit_stack(end, &mut |word| marker.guess(word)) {
            drop(blocks);
            return never();
        }
        // SAFETY: what this thread has in use, and what halted ones have.
        unsafe {
            marker.in_use(&in_use.ranges);
            for halted in state.halted() {
                native::visit_range(halted.stack, &mut |word| marker.guess(word));
                marker.in_use(&halted.in_use);
            }
        }
        marker.drain();
        for &bits in lock(&heap.roots.pinned).iter() {
            marker.bits(bits);
        }
        for range in lock(&heap.roots.slots).iter() {
            // SAFETY: registered slots live as long as the heap, zero is an unset one, and a
            // collection is alone.
            unsafe { marker.all(range.start, range.len) };
            marker.drain();
        }
        more(&mut marker);
        marker.drain();
        for range in lock(&heap.roots.caches).iter() {
            // SAFETY: registered caches live as long as the heap.
            let caches =
                unsafe { std::slice::from_raw_parts(range.start.cast::<InlineCache>(), range.len) };
            for cache in caches {
                let shape = cache.shape();
                let dies = marker.space_of(shape).is_some_and(|space| {
                    space.block_of(shape).content == Content::Addresses && !space.is_marked(shape)
                });
                if dies {
                    cache.wipe();
                }
            }
        }
        let live = blocks.take_stock();
        if heap.trigger.poison.load(Ordering::Relaxed) {
            blocks.poison();
        }
        drop(blocks);
        let threshold = heap.trigger.threshold.load(Ordering::Relaxed);
        heap.trigger
            .budget
            .store((threshold / 2).max(live / 2), Ordering::Relaxed);
        heap.trigger.since.store(0, Ordering::Relaxed);
        Some(Collected {
            live_bytes: live as u64,
        })
    }
}
