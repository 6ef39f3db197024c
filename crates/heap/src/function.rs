//! Functions: closures, builtins, and either with some of their arguments.
//!
//! The first word tells them apart: the address of a [`Unit`] (a multiple of 16) is a closure with
//! as many captures behind it as the unit says; 1 is a partial application (function, count,
//! arguments); 2 in the low byte is a builtin, its number above.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::alloc::Alloc;
use crate::blocks::Content;
use crate::word::{Brand, Slot, TAG_FUNCTION, Word};

const PARTIAL: u64 = 1;
const BUILTIN: u64 = 2;

/// The body of a lambda or of a thunk: which code, where it begins, and how much room it needs.
///
/// Units and their code refer to each other, so a unit is made first and linked once the code is
/// there. The alignment keeps four low bits of its address free for the thunk's state.
#[repr(C, align(16))]
pub struct Unit<'h, C> {
    code: AtomicPtr<C>,
    /// Where the body begins; the meaning belongs to the code.
    pub entry: u32,
    /// Which lambda of the code this is; the meaning belongs to the code.
    pub lambda: u32,
    /// Number of captured words.
    pub n_caps: u32,
    /// Number of slots of the value stack that a run of the body needs, arguments included.
    pub n_slots: u32,
    /// Number of arguments that are passed at once; 0 for a thunk.
    pub arity: u8,
    /// Free for the machine.
    pub flags: u8,
    brand: Brand<'h, C>,
}

// SAFETY: everything but the link is immutable, and the link is an atomic reference to shared code.
unsafe impl<C: Sync> Send for Unit<'_, C> {}
// SAFETY: as above.
unsafe impl<C: Sync> Sync for Unit<'_, C> {}

impl<'h, C> Unit<'h, C> {
    /// A unit without code: entry, lambda, number of captures, number of slots, arity, flags.
    pub fn new([entry, lambda, n_caps, n_slots]: [u32; 4], arity: u8, flags: u8) -> Self {
        Self {
            code: AtomicPtr::new(std::ptr::null_mut()),
            entry,
            lambda,
            n_caps,
            n_slots,
            arity,
            flags,
            brand: PhantomData,
        }
    }

    /// Says which code the unit is part of.
    pub fn link(&self, code: &'h C) {
        self.code
            .store(std::ptr::from_ref(code).cast_mut(), Ordering::Release);
    }

    /// The code that the unit is part of.
    ///
    /// # Panics
    /// If the unit was not linked.
    #[inline]
    pub fn code(&self) -> &'h C {
        let code = self.code.load(Ordering::Acquire);
        assert!(!code.is_null(), "a unit is linked before it runs");
        // SAFETY: a link that is not null came from a reference that lives for `'h`.
        unsafe { &*code }
    }
}

/// A function, taken apart.
#[derive(Clone, Copy)]
pub enum Function<'h, C> {
    /// A lambda with what it captured.
    Closure(Closure<'h, C>),
    /// A builtin, by its number in the registry.
    Builtin(u32),
    /// A function that still lacks arguments.
    Partial(Partial<'h, C>),
}

/// A lambda with what it captured.
pub struct Closure<'h, C> {
    /// The lambda.
    pub unit: &'h Unit<'h, C>,
    /// The captured words.
    pub caps: &'h [Slot<'h, C>],
}

impl<C> Clone for Closure<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<C> Copy for Closure<'_, C> {}

/// A function with fewer arguments than it needs.
pub struct Partial<'h, C> {
    /// A closure or a builtin.
    pub function: Word<'h, C>,
    /// The arguments so far.
    pub args: &'h [Word<'h, C>],
}

impl<C> Clone for Partial<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<C> Copy for Partial<'_, C> {}

impl<'h, C> Word<'h, C> {
    /// A closure and its captures, which are to be set before anybody calls it.
    #[inline]
    pub fn closure(alloc: &Alloc<'h>, unit: &'h Unit<'h, C>) -> (Self, &'h [Slot<'h, C>]) {
        let n = unit.n_caps as usize;
        let object = alloc.words(Content::Words, 1 + n);
        // SAFETY: fresh zeroed words: the unit's address, and as many unset slots as it captures.
        unsafe {
            object.write(std::ptr::from_ref(unit).expose_provenance() as u64);
            let caps = std::slice::from_raw_parts(object.add(1).cast::<Slot<'h, C>>(), n);
            (Self::from_object(object, TAG_FUNCTION), caps)
        }
    }

    /// A closure with these captures.
    ///
    /// # Panics
    /// If they are fewer than its unit captures.
    #[inline]
    pub fn closure_of(
        alloc: &Alloc<'h>,
        unit: &'h Unit<'h, C>,
        mut captures: impl Iterator<Item = Self>,
    ) -> Self {
        let n = unit.n_caps as usize;
        let object = alloc.words(Content::Words, 1 + n);
        // SAFETY: fresh zeroed words: the unit's address, and as many slots as it captures.
        unsafe {
            object.write(std::ptr::from_ref(unit).expose_provenance() as u64);
            let caps = object.add(1).cast::<Self>();
            for idx in 0..n {
                caps.add(idx)
                    .write(captures.next().expect("all that is captured"));
            }
            Self::from_object(object, TAG_FUNCTION)
        }
    }

    /// A builtin.
    pub fn builtin(alloc: &Alloc<'h>, number: u32) -> Self {
        let object = alloc.words(Content::Words, 1);
        // SAFETY: one fresh word is a complete builtin object.
        unsafe {
            object.write(BUILTIN | (u64::from(number) << 8));
            Self::from_object(object, TAG_FUNCTION)
        }
    }

    /// A function with some arguments.
    pub fn partial(alloc: &Alloc<'h>, function: Self, args: &[Slot<'h, C>]) -> Self {
        let n = args.len();
        let object = alloc.words(Content::Words, 3 + n);
        // SAFETY: three fresh words of header and one for each argument.
        unsafe {
            object.write(PARTIAL);
            object.add(1).cast::<Self>().write(function);
            object.add(2).write(n as u64);
            let place = object.add(3).cast::<Self>();
            for (idx, arg) in args.iter().enumerate() {
                place.add(idx).write(arg.get());
            }
            Self::from_object(object, TAG_FUNCTION)
        }
    }

    /// The closure, if this is one.
    #[inline]
    pub fn as_closure(self) -> Option<Closure<'h, C>> {
        if self.tag() != TAG_FUNCTION {
            return None;
        }
        let object = self.object();
        // SAFETY: a function object has a first word, which is the address of a unit unless one of
        // its low bits is set; a closure has as many slots behind it as the unit says.
        unsafe {
            let first = object.read();
            if first & 3 != 0 {
                return None;
            }
            let unit: &'h Unit<'h, C> = &*std::ptr::with_exposed_provenance(first as usize);
            let caps = std::slice::from_raw_parts(
                object.add(1).cast::<Slot<'h, C>>(),
                unit.n_caps as usize,
            );
            Some(Closure { unit, caps })
        }
    }

    /// The function, taken apart.
    pub fn as_function(self) -> Option<Function<'h, C>> {
        if self.tag() != TAG_FUNCTION {
            return None;
        }
        if let Some(closure) = self.as_closure() {
            return Some(Function::Closure(closure));
        }
        let object = self.object();
        // SAFETY: what is no closure is a builtin of one word or a partial application, whose
        // count tells how many words follow.
        unsafe {
            let first = object.read();
            if first & 3 == BUILTIN {
                return Some(Function::Builtin((first >> 8) as u32));
            }
            Some(Function::Partial(Partial {
                function: object.add(1).cast::<Self>().read(),
                args: std::slice::from_raw_parts(
                    object.add(3).cast::<Self>(),
                    object.add(2).read() as usize,
                ),
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Heap;

    #[test]
    fn functions_come_apart_again() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let code = alloc.value(5_u32);
        let unit = alloc.value(Unit::new([9, 0, 2, 3], 1, 0));
        unit.link(code);
        let (closure, caps) = Word::closure(&alloc, unit);
        caps[0].set(Word::null());
        caps[1].set(Word::bool(true));
        let back = closure.as_closure().expect("a closure");
        assert_eq!((back.unit.entry, *back.unit.code()), (9, 5));
        assert_eq!(back.caps[1].get().as_bool(), Some(true));
        let builtin: Word<'_, u32> = Word::builtin(&alloc, 77);
        assert!(builtin.as_closure().is_none());
        assert!(matches!(builtin.as_function(), Some(Function::Builtin(77))));
        let args = alloc.slots(&[Word::null(), closure]);
        let partial = Word::partial(&alloc, builtin, args);
        let Some(Function::Partial(partial)) = partial.as_function() else {
            panic!("a partial application")
        };
        assert!(partial.function.same(builtin));
        assert_eq!(partial.args.len(), 2);
        assert!(partial.args[1].same(closure));
    }
}
