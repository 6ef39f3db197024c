//! Where objects live: large reservations that cost nothing until touched, cut into chunks, filled
//! by bumping a pointer.
//!
//! A [`Heap`] is shared by all workers; each worker owns an [`Alloc`] that takes chunks from it.
//! Memory comes zeroed from the system and is handed out once, nothing moves, and everything lives
//! until the heap is dropped. Chunks are aligned to huge pages and the system is advised to use
//! them, because zeroing small pages one fault at a time is the largest single cost of a
//! short evaluation.
//!
//! A collector that marks lines in place can be added without changing any layout: every object
//! tells its own size (see the table in the crate documentation).

use std::any::Any;
use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::context::Contexts;
use crate::shape::ShapeTable;
use crate::update::PlanTable;

const HUGE_PAGE: usize = 2 << 20;
/// Reservations tried in turn: an address-space limit may refuse the larger ones.
const RESERVATIONS: [usize; 5] = [64 << 30, 4 << 30, 1 << 30, 256 << 20, 32 << 20];
const CHUNK: usize = HUGE_PAGE;
/// Once this much is in use, chunks grow, so that locks stay rare.
const LARGE_USE: u64 = 64 << 20;

/// One reservation.
struct Region {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: a region is a range of addresses; what lies inside is governed by the types of `Alloc`.
unsafe impl Send for Region {}

impl Region {
    fn map(len: usize) -> Option<Self> {
        // SAFETY: an anonymous private mapping at an address of the system's choice touches no
        // memory that anyone else uses.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return None;
        }
        NonNull::new(start.cast()).map(|start| Self { start, len })
    }

    fn reserve(at_least: usize) -> Self {
        RESERVATIONS
            .iter()
            .filter(|&&len| len >= at_least)
            .find_map(|&len| Self::map(len))
            .or_else(|| Self::map(at_least))
            .unwrap_or_else(|| {
                std::alloc::handle_alloc_error(
                    std::alloc::Layout::from_size_align(at_least, 8)
                        .unwrap_or(std::alloc::Layout::new::<u64>()),
                )
            })
    }

    fn advise_huge(&self) {
        #[cfg(target_os = "linux")]
        // SAFETY: the range is this mapping; the advice changes no contents.
        unsafe {
            libc::madvise(self.start.as_ptr().cast(), self.len, libc::MADV_HUGEPAGE);
        }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `map` and everything that points into it is bound to the
        // lifetime of the heap that owns this region.
        unsafe {
            libc::munmap(self.start.as_ptr().cast(), self.len);
        }
    }
}

#[derive(Default)]
struct Regions {
    all: Vec<Region>,
    /// Next free byte and end of the newest object region.
    free: usize,
    end: usize,
}

impl Regions {
    /// A zeroed range of `len` bytes, a multiple of the huge page size.
    fn chunk(&mut self, len: usize) -> *mut u64 {
        if self.end - self.free < len {
            let region = Region::reserve(len + HUGE_PAGE);
            region.advise_huge();
            let start = region.start.as_ptr().expose_provenance();
            self.free = start.next_multiple_of(HUGE_PAGE);
            self.end = start + region.len;
            self.all.push(region);
        }
        let chunk = self.free;
        self.free += len;
        std::ptr::with_exposed_provenance_mut(chunk)
    }
}

/// The memory of one evaluator and what its objects share.
pub struct Heap {
    regions: Mutex<Regions>,
    kept: Mutex<Vec<Box<dyn Any + Send + Sync>>>,
    allocated: AtomicU64,
    pub(crate) shapes: ShapeTable,
    pub(crate) plans: PlanTable,
    pub(crate) contexts: Contexts,
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

impl Heap {
    /// An empty heap. Address space is reserved when the first object is made.
    pub fn new() -> Self {
        Self {
            regions: Mutex::default(),
            kept: Mutex::default(),
            allocated: AtomicU64::new(0),
            shapes: ShapeTable::default(),
            plans: PlanTable::default(),
            contexts: Contexts::default(),
        }
    }

    /// The table of string contexts.
    pub fn contexts(&self) -> &Contexts {
        &self.contexts
    }

    /// Bytes handed to workers so far, in whole chunks.
    pub fn reserved_bytes(&self) -> u64 {
        self.allocated.load(Ordering::Relaxed)
    }

    /// Keeps data (code, a mapped file) alive as long as the heap and lends it for that long.
    pub fn keep<T: Send + Sync + 'static>(&self, data: Vec<T>) -> &[T] {
        let slice: *const [T] = std::ptr::from_ref(data.as_slice());
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::new(data));
        // SAFETY: the vector just stored owns the slice, is never touched again, and is dropped
        // with the heap, which the returned reference cannot outlive.
        unsafe { &*slice }
    }

    fn regions(&self) -> MutexGuard<'_, Regions> {
        self.regions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chunk(&self, len: usize) -> *mut u64 {
        self.allocated.fetch_add(len as u64, Ordering::Relaxed);
        self.regions().chunk(len)
    }

    /// A reservation of its own, zeroed, for a value stack; as long as the system permits.
    pub(crate) fn stack_region(&self, sizes: &[usize]) -> (*mut u64, usize) {
        let smallest = sizes.last().copied().unwrap_or(HUGE_PAGE);
        let region = sizes
            .iter()
            .find_map(|&len| Region::map(len))
            .unwrap_or_else(|| Region::reserve(smallest));
        let range = (region.start.as_ptr().cast(), region.len / 8);
        self.regions().all.push(region);
        range
    }
}

/// One worker's right to make objects.
pub struct Alloc<'h> {
    next: Cell<*mut u64>,
    left: Cell<usize>,
    heap: &'h Heap,
    /// Bytes in chunks taken so far, without what is left of the current one.
    taken: Cell<u64>,
    /// Direct-mapped cache of plans for `//`, filled from the heap's table.
    pub(crate) plan_cache: crate::update::PlanCache<'h>,
    invariant: PhantomData<fn(&'h ()) -> &'h ()>,
}

impl<'h> Alloc<'h> {
    /// A worker's allocator.
    pub fn new(heap: &'h Heap) -> Self {
        Self {
            next: Cell::new(std::ptr::null_mut()),
            left: Cell::new(0),
            heap,
            taken: Cell::new(0),
            plan_cache: crate::update::PlanCache::default(),
            invariant: PhantomData,
        }
    }

    /// The heap that this worker fills.
    #[inline]
    pub fn heap(&self) -> &'h Heap {
        self.heap
    }

    /// Bytes that this worker has filled.
    pub fn allocated_bytes(&self) -> u64 {
        self.taken.get() - (self.left.get() * 8) as u64
    }

    /// `n` zeroed words that nobody else has, 8-byte aligned, valid for `'h`.
    #[inline]
    pub(crate) fn words(&self, n: usize) -> *mut u64 {
        let left = self.left.get();
        if n <= left {
            let start = self.next.get();
            // SAFETY: `left` words behind `next` belong to this allocator and `n <= left`.
            self.next.set(unsafe { start.add(n) });
            self.left.set(left - n);
            return start;
        }
        self.words_from_new_chunk(n)
    }

    #[cold]
    #[inline(never)]
    fn words_from_new_chunk(&self, n: usize) -> *mut u64 {
        let bytes = n.checked_mul(8).expect("objects fit the address space");
        if bytes > CHUNK / 4 {
            let len = bytes.next_multiple_of(HUGE_PAGE);
            self.taken.set(self.taken.get() + len as u64);
            return self.heap.chunk(len);
        }
        let len = if self.taken.get() < LARGE_USE {
            CHUNK
        } else {
            4 * CHUNK
        };
        self.taken.set(self.taken.get() + len as u64);
        let start = self.heap.chunk(len);
        // SAFETY: the chunk holds `len / 8` words and `n` is at most a quarter of that.
        self.next.set(unsafe { start.add(n) });
        self.left.set(len / 8 - n);
        start
    }

    /// Places a value in the heap. It is never dropped.
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

    /// Places as many values in the heap as the iterator gives. They are never dropped.
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

    /// Copies a slice into the heap.
    pub fn slice<T: Copy>(&self, values: &[T]) -> &'h [T] {
        assert!(align_of::<T>() <= 16, "objects are at most 16-byte aligned");
        if values.is_empty() {
            return &[];
        }
        let start = self.aligned_words(size_of_val(values).div_ceil(8), align_of::<T>());
        let place: *mut T = start.cast();
        // SAFETY: `place` is fresh, large enough for the slice and aligned; afterwards nobody
        // writes to it.
        unsafe {
            std::ptr::copy_nonoverlapping(values.as_ptr(), place, values.len());
            std::slice::from_raw_parts(place, values.len())
        }
    }

    fn aligned_words(&self, n: usize, align: usize) -> *mut u64 {
        if align <= 8 {
            return self.words(n);
        }
        let start = self.words(n + 1);
        if start.addr().is_multiple_of(16) {
            start
        } else {
            // SAFETY: one word more than needed was taken, to step over here.
            unsafe { start.add(1) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_zeroed_aligned_and_apart() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let first = alloc.words(3);
        let second = alloc.words(1);
        assert_eq!(first.addr() + 24, second.addr());
        // SAFETY: three words were just handed out.
        assert_eq!(unsafe { first.add(2).read() }, 0);
        let wide = alloc.value([1_u128, 2]);
        assert!(std::ptr::from_ref(wide).addr().is_multiple_of(16));
        let big = alloc.words(1 << 20);
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
