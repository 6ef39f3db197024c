//! Who makes objects: a [`Heap`] is shared by all workers, and each worker owns an [`Alloc`] that
//! takes blocks from it and fills their cells by bumping a pointer.
//!
//! There is a pointer for each size and content of cells ([`crate::class`], [`Content`]), so that an
//! allocation knows nothing of the collector: it takes the next cell of a run of free ones, be that
//! a new block or a gap that the last collection left. Cells are handed out zeroed.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::blocks::{BLOCK, Blocks, Content, Holes, N_CONTENTS};
use crate::class::{EXACT, MAX_CELL, N_CLASSES, cell_words, class_of};
use crate::collect::{Roots, Trigger};
use crate::context::Contexts;
use crate::region::Region;
use crate::shape::ShapeTable;
use crate::update::PlanTable;
use crate::world::World;

/// The memory of one evaluator and what its objects share.
pub struct Heap {
    pub(crate) blocks: Mutex<Blocks>,
    stacks: Mutex<Vec<Region>>,
    kept: Mutex<Vec<Box<dyn Any + Send + Sync>>>,
    pub(crate) roots: Roots,
    pub(crate) trigger: Trigger,
    pub(crate) world: World,
    pub(crate) shapes: ShapeTable,
    pub(crate) plans: PlanTable,
    pub(crate) contexts: Contexts,
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Heap {
    /// An empty heap. Address space is reserved when the first object is made.
    pub fn new() -> Self {
        Self {
            blocks: Mutex::default(),
            stacks: Mutex::default(),
            kept: Mutex::default(),
            roots: Roots::default(),
            trigger: Trigger::default(),
            world: World::default(),
            shapes: ShapeTable::default(),
            plans: PlanTable::default(),
            contexts: Contexts::default(),
        }
    }

    /// The table of string contexts.
    pub fn contexts(&self) -> &Contexts {
        &self.contexts
    }

    /// Bytes in blocks that are in use.
    pub fn reserved_bytes(&self) -> u64 {
        (lock(&self.blocks).n_taken * BLOCK) as u64
    }

    /// Keeps data (code, a mapped file) alive as long as the heap and lends it for that long.
    pub fn keep<T: Send + Sync + 'static>(&self, data: Vec<T>) -> &[T] {
        let slice: *const [T] = std::ptr::from_ref(data.as_slice());
        lock(&self.kept).push(Box::new(data));
        // SAFETY: the vector just stored owns the slice, is never touched again, and is dropped
        // with the heap, which the returned reference cannot outlive.
        unsafe { &*slice }
    }

    /// The same for bytes that others use as well.
    pub fn keep_shared(&self, data: Arc<dyn AsRef<[u8]> + Send + Sync>) -> &[u8] {
        let bytes: *const [u8] = (*data).as_ref();
        lock(&self.kept).push(Box::new(data));
        // SAFETY: the slice is borrowed from data that is shared, hence neither moved, dropped nor
        // borrowed mutably while the heap, which the returned reference cannot outlive, has a part
        // in it.
        unsafe { &*bytes }
    }

    /// A reservation of its own, zeroed, for a value stack; as long as the system permits.
    pub(crate) fn stack_region(&self, sizes: &[usize]) -> (*mut u64, usize) {
        let region = Region::first_of(sizes.iter().copied());
        let range = (region.start.as_ptr().cast(), region.len / 8);
        lock(&self.stacks).push(region);
        range
    }

    /// Gives back the memory of a stack above `top`, which nobody will read before writing it.
    pub(crate) fn forget_stack(&self, start: *const u8, top: usize) {
        let stacks = lock(&self.stacks);
        if let Some(region) = stacks
            .iter()
            .find(|it| it.start.as_ptr().cast_const() == start)
        {
            region.forget(top);
        }
    }
}

/// A run of free cells of one size.
struct Cursor {
    next: Cell<*mut u64>,
    end: Cell<*mut u64>,
}

/// One worker's right to make objects.
pub struct Alloc<'h> {
    cursors: [[Cursor; N_CLASSES]; N_CONTENTS],
    /// Where things that are never collected go.
    fixed: Cursor,
    /// What is left of the block that each cursor works on.
    holes: RefCell<Vec<Holes>>,
    heap: &'h Heap,
    /// Bytes taken so far, by and large.
    taken: Cell<u64>,
    /// Bytes taken that the heap does not know of yet.
    unreported: Cell<usize>,
    /// Set to [`COLLECT`] when it is time to collect.
    pub(crate) asks_by: OnceCell<Arc<AtomicUsize>>,
    /// Its number among the threads of the heap, once it has joined them.
    pub(crate) member: OnceCell<usize>,
    /// One past the end of the native stack of its thread, or 0.
    pub(crate) stack_end: Cell<usize>,
    /// Direct-mapped cache of plans for `//`, filled from the heap's table.
    pub(crate) plan_cache: crate::update::PlanCache<'h>,
    invariant: PhantomData<fn(&'h ()) -> &'h ()>,
}

const fn cursor() -> Cursor {
    Cursor {
        next: Cell::new(std::ptr::null_mut()),
        end: Cell::new(std::ptr::null_mut()),
    }
}

/// A stack limit that no stack satisfies, and that means: collect.
pub const COLLECT: usize = usize::MAX - 1;

/// A worker reports what it took when it has taken so much.
const REPORT: usize = BLOCK;

impl<'h> Alloc<'h> {
    /// A worker's allocator.
    pub fn new(heap: &'h Heap) -> Self {
        Self {
            cursors: [const { [const { cursor() }; N_CLASSES] }; N_CONTENTS],
            fixed: cursor(),
            holes: RefCell::new((0..N_CONTENTS * N_CLASSES).map(|_| Holes::none()).collect()),
            heap,
            taken: Cell::new(0),
            unreported: Cell::new(0),
            asks_by: OnceCell::new(),
            member: OnceCell::new(),
            stack_end: Cell::new(0),
            plan_cache: crate::update::PlanCache::default(),
            invariant: PhantomData,
        }
    }

    /// The heap that this worker fills.
    #[inline]
    pub fn heap(&self) -> &'h Heap {
        self.heap
    }

    /// Bytes that this worker has taken, in whole blocks where they were new.
    pub fn allocated_bytes(&self) -> u64 {
        self.taken.get()
    }

    /// `n` zeroed words for an object with this content, at least one.
    #[inline]
    pub(crate) fn words(&self, content: Content, n: usize) -> *mut u64 {
        debug_assert!(n > 0);
        if let Some(cursor) = self.cursors[content.row()][..EXACT].get(n.wrapping_sub(1)) {
            let start = cursor.next.get();
            if start != cursor.end.get() {
                // SAFETY: the run has a whole number of cells of `n` words, and is not at its end.
                cursor.next.set(unsafe { start.add(n) });
                return start;
            }
        }
        self.words_slow(content, n)
    }

    #[cold]
    #[inline(never)]
    fn words_slow(&self, content: Content, n: usize) -> *mut u64 {
        if n > MAX_CELL {
            assert!(n < u32::MAX as usize, "objects are below 32 GiB");
            let (start, bytes) = lock(&self.heap.blocks).large(content, n);
            self.report(bytes);
            return start.as_ptr();
        }
        let class = class_of(n);
        let cell_words = cell_words(class);
        let cursor = &self.cursors[content.row()][class];
        let start = cursor.next.get();
        if start != cursor.end.get() {
            // SAFETY: as in `words`.
            cursor.next.set(unsafe { start.add(cell_words) });
            return start;
        }
        let mut all_holes = self.holes.borrow_mut();
        let holes = &mut all_holes[content.row() * N_CLASSES + class];
        let (start, len) = loop {
            if let Some(run) = holes.next() {
                break run;
            }
            *holes = Holes::new(lock(&self.heap.blocks).cells(content, class), cell_words);
        };
        let start = start.as_ptr();
        // SAFETY: the run has `len` words, a multiple of the size of a cell.
        unsafe {
            cursor.next.set(start.add(cell_words));
            cursor.end.set(start.add(len));
        }
        self.report(len * 8);
        start
    }

    /// Counts bytes, and asks for a collection when it is time.
    fn report(&self, bytes: usize) {
        self.taken.set(self.taken.get() + bytes as u64);
        let unreported = self.unreported.get() + bytes;
        if unreported < REPORT {
            self.unreported.set(unreported);
            return;
        }
        self.unreported.set(0);
        if self.heap.trigger.took(unreported)
            && let Some(limit) = self.asks_by.get()
        {
            limit.fetch_max(COLLECT, Ordering::Relaxed);
        }
    }

    /// Gives back all runs of cells, for a collection: what is left of them is zeroed.
    pub(crate) fn retire(&self) {
        self.plan_cache.clear();
        for cursor in self.cursors.iter().flatten() {
            cursor.next.set(std::ptr::null_mut());
            cursor.end.set(std::ptr::null_mut());
        }
        for holes in self.holes.borrow_mut().iter_mut() {
            while holes.next().is_some() {}
            *holes = Holes::none();
        }
    }

    /// `n` zeroed words that are never collected.
    fn fixed_words(&self, n: usize) -> *mut u64 {
        let left = (self.fixed.end.get().addr() - self.fixed.next.get().addr()) / 8;
        let start = if n <= left {
            self.fixed.next.get()
        } else {
            let bytes = n.checked_mul(8).expect("objects fit the address space");
            let n_blocks = bytes.div_ceil(BLOCK);
            let start = lock(&self.heap.blocks).fixed(n_blocks).as_ptr();
            self.taken.set(self.taken.get() + (n_blocks * BLOCK) as u64);
            if n_blocks > 1 {
                return start;
            }
            // SAFETY: the end of a block.
            self.fixed.end.set(unsafe { start.add(BLOCK / 8) });
            start
        };
        // SAFETY: at least `n` words are left of the block.
        self.fixed.next.set(unsafe { start.add(n) });
        start
    }

    /// Places a value in the heap for good. It is never dropped.
    pub fn value<T>(&self, value: T) -> &'h T {
        assert!(align_of::<T>() <= 16, "objects are at most 16-byte aligned");
        let start = self.aligned_words(size_of::<T>().div_ceil(8), align_of::<T>());
        let place: *mut T = start.cast();
        // SAFETY: `place` is fresh, large enough and aligned; it stays valid and unaliased by
        // anything mutable for `'h`.
        unsafe {
            place.write(value);
            &*place
        }
    }

    /// Places as many values in the heap as the iterator gives, for good. They are never dropped.
    pub fn values<T>(&self, values: impl ExactSizeIterator<Item = T>) -> &'h [T] {
        assert!(align_of::<T>() <= 16, "objects are at most 16-byte aligned");
        let n = values.len();
        if n == 0 {
            return &[];
        }
        let bytes = n
            .checked_mul(size_of::<T>())
            .expect("objects fit the address space");
        let place: *mut T = self
            .aligned_words(bytes.div_ceil(8), align_of::<T>())
            .cast();
        let mut made = 0;
        for value in values.take(n) {
            // SAFETY: `place` is fresh, aligned and has room for `n` values; at most `n` come.
            unsafe { place.add(made).write(value) };
            made += 1;
        }
        // SAFETY: the first `made` values were written, and nobody writes to them again.
        unsafe { std::slice::from_raw_parts(place, made) }
    }

    /// Copies a slice into the heap for good.
    pub fn slice<T: Copy>(&self, values: &[T]) -> &'h [T] {
        assert!(align_of::<T>() <= 16, "objects are at most 16-byte aligned");
        if values.is_empty() {
            return &[];
        }
        let start = self.aligned_words(size_of_val(values).div_ceil(8), align_of::<T>());
        // SAFETY: `start` is fresh, large enough for the slice and aligned.
        unsafe { copy_to(start, values) }
    }

    fn aligned_words(&self, n: usize, align: usize) -> *mut u64 {
        if align <= 8 {
            return self.fixed_words(n);
        }
        let start = self.fixed_words(n + 1);
        if start.addr().is_multiple_of(16) {
            start
        } else {
            // SAFETY: one word more than needed was taken, to step over here.
            unsafe { start.add(1) }
        }
    }

    /// Places a value in a cell whose words the collector takes for addresses of cells. It is
    /// never dropped.
    pub(crate) fn collected_value<T>(&self, value: T) -> &'h T {
        let n = size_of::<T>().div_ceil(8);
        assert!(
            align_of::<T>() <= 8 || n.is_multiple_of(2) && n <= 32 && align_of::<T>() <= 16,
            "cells are aligned as their size is"
        );
        let place: *mut T = self.words(Content::Addresses, n).cast();
        // SAFETY: `place` is fresh, large enough and aligned: cells of an even number of words
        // begin at multiples of 16.
        unsafe {
            place.write(value);
            &*place
        }
    }

    /// Copies a slice of plain data into a cell.
    pub(crate) fn collected_slice<T: Copy>(&self, values: &[T]) -> &'h [T] {
        assert!(align_of::<T>() <= 8, "cells are 8-byte aligned");
        if values.is_empty() {
            return &[];
        }
        let start = self.words(Content::Bytes, size_of_val(values).div_ceil(8));
        // SAFETY: `start` is fresh, large enough for the slice and aligned.
        unsafe { copy_to(start, values) }
    }
}

impl Drop for Alloc<'_> {
    fn drop(&mut self) {
        if let Some(&member) = self.member.get() {
            self.retire();
            self.heap.world.leave(member);
        }
    }
}

/// # Safety
/// `start` must be fresh, large enough for the slice, aligned for it, and valid for `'h`.
unsafe fn copy_to<'h, T: Copy>(start: *mut u64, values: &[T]) -> &'h [T] {
    let place: *mut T = start.cast();
    // SAFETY: as the caller promises; afterwards nobody writes to it.
    unsafe {
        std::ptr::copy_nonoverlapping(values.as_ptr(), place, values.len());
        std::slice::from_raw_parts(place, values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_zeroed_aligned_and_apart() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let first = alloc.words(Content::Words, 3);
        let second = alloc.words(Content::Words, 3);
        assert_eq!(first.addr() + 24, second.addr());
        // SAFETY: three words were just handed out.
        assert_eq!(unsafe { first.add(2).read() }, 0);
        let wide = alloc.value([1_u128, 2]);
        assert!(std::ptr::from_ref(wide).addr().is_multiple_of(16));
        let big = alloc.words(Content::Bytes, 1 << 20);
        // SAFETY: so many words were just handed out.
        assert_eq!(unsafe { big.add((1 << 20) - 1).read() }, 0);
        assert!(alloc.allocated_bytes() >= 8 << 20);
    }

    #[test]
    fn keeps_what_is_shared() {
        let heap = Heap::new();
        let kept = heap.keep(vec![1, 2, 3]);
        assert_eq!(kept, [1, 2, 3]);
    }
}
