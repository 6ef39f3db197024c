//! The value stack: arguments and locals of running bodies, so that calls allocate nothing.
//!
//! One per worker, reserved without commit. A frame is a range of slots above the frame of the
//! caller; slots keep what a finished frame left there until they are overwritten, which is
//! harmless, since every slot is always either unset or a valid word.

use crate::alloc::{Alloc, Heap};
use crate::word::{Slot, Word};

/// Slots in at least one page.
const PAGE: usize = 4096 / 8;
const SIZES: [usize; 4] = [4 << 30, 512 << 20, 64 << 20, 8 << 20];
/// Those of helpers, which may give up where the main line may not.
const SMALL_SIZES: [usize; 2] = [256 << 20, 8 << 20];

/// A worker's value stack.
pub struct Stack<'h, C> {
    slots: &'h [Slot<'h, C>],
    heap: &'h Heap,
    top: usize,
}

impl<'h, C> Stack<'h, C> {
    /// Reserves a stack.
    pub fn new(alloc: &Alloc<'h>) -> Self {
        Self::of_size(alloc, &SIZES)
    }

    /// Reserves a smaller one, for a worker that may give up when it is full.
    pub fn small(alloc: &Alloc<'h>) -> Self {
        Self::of_size(alloc, &SMALL_SIZES)
    }

    fn of_size(alloc: &Alloc<'h>, sizes: &[usize]) -> Self {
        let (start, len) = alloc.heap().stack_region(sizes);
        // SAFETY: the region is zeroed, `len` words long, lives as long as the heap and belongs to
        // this stack alone; zero is an unset slot.
        let slots = unsafe { std::slice::from_raw_parts(start.cast::<Slot<'h, C>>(), len) };
        Self {
            slots,
            heap: alloc.heap(),
            top: 0,
        }
    }

    /// Where the next frame begins.
    #[inline]
    pub fn top(&self) -> usize {
        self.top
    }

    /// The slots in use.
    pub(crate) fn in_use(&self) -> &[Slot<'h, C>] {
        &self.slots[..self.top]
    }

    /// Forgets what finished frames left above the frames in use.
    pub fn forget_finished(&self) {
        let end = (self.top + PAGE).min(self.slots.len());
        self.slots[self.top..end].iter().for_each(Slot::clear);
        let start = self.slots.as_ptr().cast();
        self.heap.forget_stack(start, self.top * 8);
    }

    /// Gives back everything above `top`.
    #[inline]
    pub fn truncate(&mut self, top: usize) {
        debug_assert!(top <= self.top);
        self.top = top;
    }

    /// Makes the frame at `base` end `n` slots later; false if the stack is full.
    #[inline]
    #[must_use]
    pub fn extend_to(&mut self, base: usize, n: usize) -> bool {
        let top = base + n;
        if top > self.slots.len() {
            return false;
        }
        self.top = top;
        true
    }

    /// Slot `idx` of the frame at `base`.
    #[inline]
    pub fn get(&self, base: usize, idx: u32) -> Word<'h, C> {
        self.slots[base + idx as usize].get()
    }

    /// Sets slot `idx` of the frame at `base`.
    #[inline]
    pub fn set(&self, base: usize, idx: u32, word: Word<'h, C>) {
        self.slots[base + idx as usize].set(word);
    }

    /// Slots from `from` to `to`.
    #[inline]
    pub fn slots(&self, from: usize, to: usize) -> &'h [Slot<'h, C>] {
        &self.slots[from..to]
    }

    /// Pushes a word on top; false if the stack is full.
    #[inline]
    #[must_use]
    pub fn push(&mut self, word: Word<'h, C>) -> bool {
        let Some(slot) = self.slots.get(self.top) else {
            return false;
        };
        slot.set(word);
        self.top += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Heap;

    #[test]
    fn frames_follow_each_other() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let mut stack: Stack<'_, ()> = Stack::new(&alloc);
        let base = stack.top();
        assert!(stack.extend_to(base, 2));
        stack.set(base, 0, Word::bool(true));
        stack.set(base, 1, Word::null());
        let inner = stack.top();
        assert!(stack.push(Word::bool(false)));
        assert_eq!(inner, base + 2);
        assert_eq!(stack.get(inner, 0).as_bool(), Some(false));
        stack.truncate(inner);
        assert_eq!(stack.get(base, 0).as_bool(), Some(true));
        assert!(!stack.extend_to(0, usize::MAX / 16));
    }
}
