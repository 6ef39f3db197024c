//! The machine word: 64 bits that are a value, or a thunk that will become one.
//!
//! | low 3 bits | meaning of the rest |
//! |---:|---|
//! | 0 | pointer to a boxed value: float, large integer, path, shared frame, foreign |
//! | 1 | 61-bit integer |
//! | 2 | pointer to a set |
//! | 3 | pointer to a list |
//! | 4 | pointer to a string |
//! | 5 | pointer to a function |
//! | 6 | null, false, true |
//! | 7 | pointer to a thunk |
//!
//! A word is never zero, so `Option<Word>` and `Result<Word, ZeroSized>` take 8 bytes as well.
//! Integers are canonical: one that fits 61 bits is never boxed, hence equal integers that are not
//! boxed are equal words. `C` is the type of the code that closures and thunks point to; the heap
//! stores references to it and never looks inside.

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU64;

use crate::alloc::Alloc;

pub(crate) const TAG_BOX: u64 = 0;
pub(crate) const TAG_INT: u64 = 1;
pub(crate) const TAG_SET: u64 = 2;
pub(crate) const TAG_LIST: u64 = 3;
pub(crate) const TAG_STRING: u64 = 4;
pub(crate) const TAG_FUNCTION: u64 = 5;
pub(crate) const TAG_IMMEDIATE: u64 = 6;
pub(crate) const TAG_THUNK: u64 = 7;
pub(crate) const TAG_MASK: u64 = 7;

const NULL: NonZeroU64 = NonZeroU64::new(TAG_IMMEDIATE).expect("the tag is not zero");
const FALSE: NonZeroU64 = NonZeroU64::new((1 << 3) | TAG_IMMEDIATE).expect("not zero");
const TRUE: NonZeroU64 = NonZeroU64::new((2 << 3) | TAG_IMMEDIATE).expect("not zero");

const INT_MIN: i64 = -(1 << 60);
const INT_MAX: i64 = (1 << 60) - 1;

/// Ties `'h` and `C` to a type without variance in either: words may be stored through shared
/// references, so a word must never pass for one of a heap that ends earlier.
pub(crate) type Brand<'h, C> = PhantomData<(fn(&'h C) -> &'h C, *const C)>;

/// A value or a thunk.
#[repr(transparent)]
pub struct Word<'h, C> {
    pub(crate) bits: NonZeroU64,
    pub(crate) brand: Brand<'h, C>,
}

// SAFETY: what a word points to is immutable, or atomic, or filled before it is published; the
// code it may lead to is shared by reference, hence the bound.
unsafe impl<C: Sync> Send for Word<'_, C> {}
// SAFETY: as above.
unsafe impl<C: Sync> Sync for Word<'_, C> {}

impl<C> Clone for Word<'_, C> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}
impl<C> Copy for Word<'_, C> {}

/// What kind of value a word is; [`Kind::Thunk`] is none yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A 64-bit integer.
    Int,
    /// A 64-bit float.
    Float,
    /// A string with its context.
    String,
    /// A source path.
    Path,
    /// A list.
    List,
    /// An attribute set.
    Set,
    /// A closure, a builtin, or either with some arguments.
    Function,
    /// Something that is not a value of the language: a shared frame.
    Frame,
    /// Not evaluated yet.
    Thunk,
}

impl<'h, C> Word<'h, C> {
    #[inline]
    pub(crate) fn from_bits(bits: NonZeroU64) -> Self {
        Self {
            bits,
            brand: PhantomData,
        }
    }

    /// # Safety
    /// `object` must be the start of an object of the kind that `tag` says, valid for `'h`.
    #[inline]
    pub(crate) unsafe fn from_object(object: *mut u64, tag: u64) -> Self {
        let address = object.expose_provenance() as u64;
        debug_assert!(address & TAG_MASK == 0 && address != 0);
        // SAFETY: objects are 8-byte aligned and not at address zero.
        Self::from_bits(unsafe { NonZeroU64::new_unchecked(address | tag) })
    }

    #[inline]
    pub(crate) fn tag(self) -> u64 {
        self.bits.get() & TAG_MASK
    }

    /// The object behind a pointer tag.
    #[inline]
    pub(crate) fn object(self) -> *mut u64 {
        std::ptr::with_exposed_provenance_mut((self.bits.get() & !TAG_MASK) as usize)
    }

    /// `null`.
    #[inline]
    pub fn null() -> Self {
        Self::from_bits(NULL)
    }

    /// `true` or `false`.
    #[inline]
    pub fn bool(value: bool) -> Self {
        Self::from_bits(if value { TRUE } else { FALSE })
    }

    /// An integer that fits the word; `None` past 61 bits.
    #[inline]
    pub fn small_int(value: i64) -> Option<Self> {
        if (INT_MIN..=INT_MAX).contains(&value) {
            NonZeroU64::new(((value as u64) << 3) | TAG_INT).map(Self::from_bits)
        } else {
            None
        }
    }

    /// An integer.
    #[inline]
    pub fn int(alloc: &Alloc<'h>, value: i64) -> Self {
        match Self::small_int(value) {
            Some(word) => word,
            None => Self::boxed_int(alloc, value),
        }
    }

    /// The integer in this word, if it is a small one.
    #[inline]
    pub fn as_small_int(self) -> Option<i64> {
        (self.tag() == TAG_INT).then(|| (self.bits.get() as i64) >> 3)
    }

    /// The integer, small or boxed.
    #[inline]
    pub fn as_int(self) -> Option<i64> {
        match self.tag() {
            TAG_INT => Some((self.bits.get() as i64) >> 3),
            TAG_BOX => self.as_boxed_int(),
            _ => None,
        }
    }

    /// The truth value.
    #[inline]
    pub fn as_bool(self) -> Option<bool> {
        match self.bits {
            TRUE => Some(true),
            FALSE => Some(false),
            _ => None,
        }
    }

    /// Whether this is `null`.
    #[inline]
    pub fn is_null(self) -> bool {
        self.bits == NULL
    }

    /// Whether this is no address: a small integer, a truth value or `null`.
    #[inline]
    pub fn is_immediate(self) -> bool {
        matches!(self.tag(), TAG_INT | TAG_IMMEDIATE)
    }

    /// Whether this must be forced before it can be looked at.
    #[inline]
    pub fn is_thunk(self) -> bool {
        self.tag() == TAG_THUNK
    }

    /// Whether both are the same word: the same small value or the same object.
    #[inline]
    pub fn same(self, other: Self) -> bool {
        self.bits == other.bits
    }

    /// A number that identifies the object as long as the heap lives, for cycle detection and
    /// memoisation; it must not reach the user.
    #[inline]
    pub fn identity(self) -> u64 {
        self.bits.get()
    }

    /// What kind of value this is.
    #[inline]
    pub fn kind(self) -> Kind {
        match self.tag() {
            TAG_INT => Kind::Int,
            TAG_SET => Kind::Set,
            TAG_LIST => Kind::List,
            TAG_STRING => Kind::String,
            TAG_FUNCTION => Kind::Function,
            TAG_THUNK => Kind::Thunk,
            TAG_IMMEDIATE => {
                if self.is_null() {
                    Kind::Null
                } else {
                    Kind::Bool
                }
            }
            _ => self.boxed_kind(),
        }
    }
}

impl<C> fmt::Debug for Word<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            Kind::Int => write!(f, "{:?}", self.as_int()),
            kind => write!(f, "{kind:?}"),
        }
    }
}

/// A place for a word: a capture, a field of a shared frame, a slot of a value stack. Reads and
/// writes are atomic without ordering, which costs nothing; publication is the thunk's business.
#[repr(transparent)]
pub struct Slot<'h, C> {
    bits: std::sync::atomic::AtomicU64,
    brand: Brand<'h, C>,
}

// SAFETY: a slot is an atomic word.
unsafe impl<C: Sync> Send for Slot<'_, C> {}
// SAFETY: a slot is an atomic word.
unsafe impl<C: Sync> Sync for Slot<'_, C> {}

impl<'h, C> Slot<'h, C> {
    /// The word.
    ///
    /// # Panics
    /// If nothing was stored since the slot was made.
    #[inline]
    pub fn get(&self) -> Word<'h, C> {
        match self.try_get() {
            Some(word) => word,
            None => unset(),
        }
    }

    /// The word, if one was stored.
    #[inline]
    pub fn try_get(&self) -> Option<Word<'h, C>> {
        NonZeroU64::new(self.bits.load(std::sync::atomic::Ordering::Relaxed)).map(Word::from_bits)
    }

    /// Makes the slot unset.
    pub(crate) fn clear(&self) {
        self.bits.store(0, std::sync::atomic::Ordering::Relaxed);
    }

    /// Stores a word.
    #[inline]
    pub fn set(&self, word: Word<'h, C>) {
        self.bits
            .store(word.bits.get(), std::sync::atomic::Ordering::Relaxed);
    }
}

#[cold]
#[inline(never)]
fn unset() -> ! {
    panic!("a slot is set before it is read")
}

const _: () = {
    assert!(size_of::<Word<'static, ()>>() == 8);
    assert!(size_of::<Option<Word<'static, ()>>>() == 8);
    assert!(size_of::<Result<Word<'static, ()>, std::fmt::Error>>() == 8);
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Heap;

    fn check_int(value: i64) {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let word: Word<'_, ()> = Word::int(&alloc, value);
        assert_eq!(word.as_int(), Some(value));
        assert_eq!(word.kind(), Kind::Int);
        assert_eq!(
            word.as_small_int().is_some(),
            Word::<()>::small_int(value).is_some()
        );
    }

    #[test]
    fn integers_of_every_width() {
        for value in [
            0,
            1,
            -1,
            42,
            INT_MAX,
            INT_MAX + 1,
            INT_MIN,
            INT_MIN - 1,
            i64::MAX,
            i64::MIN,
        ] {
            check_int(value);
        }
    }

    #[test]
    fn immediates() {
        assert!(Word::<()>::null().is_null());
        assert_eq!(Word::<()>::bool(true).as_bool(), Some(true));
        assert_eq!(Word::<()>::bool(false).as_bool(), Some(false));
        assert_eq!(Word::<()>::null().as_bool(), None);
        assert_eq!(Word::<()>::null().kind(), Kind::Null);
        assert_eq!(Word::<()>::bool(false).kind(), Kind::Bool);
    }
}
