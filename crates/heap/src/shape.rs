//! Shapes: which attributes a set has, and where they were written.
//!
//! A set object is the address of its shape and one word for each key, in the order of symbols.
//! *Shared* shapes are interned by keys and positions: those of set literals, of small sets that
//! builtins make, and of `//` between shared shapes. Code caches slots by shape, and plans for `//`
//! are kept by pairs of shared shapes. *Private* shapes belong to sets whose keys are data; their
//! number is unbounded, so nothing is kept for them.
//!
//! Positions belong to the shape, not to the value: a literal's positions are the same every time
//! it is evaluated.

use std::sync::{Mutex, OnceLock, PoisonError};

use firn_symbol::{FastMap, Symbol};

use crate::region::Alloc;

/// Where an attribute was written: a file and a byte offset, or nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct AttrPos(u64);

impl AttrPos {
    /// No position is known.
    pub const NONE: Self = Self(0);

    /// A byte of a file.
    pub fn new(file: u32, offset: u32) -> Self {
        Self(((u64::from(file) + 1) << 32) | u64::from(offset))
    }

    /// File and offset.
    pub fn get(self) -> Option<(u32, u32)> {
        let file = (self.0 >> 32).checked_sub(1)?;
        Some((file as u32, self.0 as u32))
    }
}

/// The keys of sets.
#[repr(align(16))]
pub struct Shape<'h> {
    keys: &'h [Symbol],
    /// One for each key, or none at all.
    positions: &'h [AttrPos],
    by_name: OnceLock<&'h [u32]>,
    /// The shape with the same keys and no positions.
    bare: OnceLock<&'h Shape<'h>>,
    shared: bool,
}

impl<'h> Shape<'h> {
    /// The shape with the same keys and no positions: that of a set computed from one of this
    /// shape.
    pub fn bare(&'h self, alloc: &Alloc<'h>) -> &'h Shape<'h> {
        if self.positions.is_empty() {
            return self;
        }
        self.bare.get_or_init(|| {
            if self.shared {
                alloc.shared_shape(self.keys, &[])
            } else {
                alloc.private_shape(self.keys, &[])
            }
        })
    }

    /// The keys, in symbol order.
    #[inline]
    pub fn keys(&self) -> &'h [Symbol] {
        self.keys
    }

    /// Number of keys.
    #[inline]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether this is the one shape with these keys and positions.
    #[inline]
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// Where the attribute in this slot was written.
    pub fn position(&self, slot: usize) -> AttrPos {
        self.positions.get(slot).copied().unwrap_or_default()
    }

    /// Positions of all keys, or an empty slice.
    pub(crate) fn positions(&self) -> &'h [AttrPos] {
        self.positions
    }

    /// The slot of a key.
    #[inline]
    pub fn find(&self, key: Symbol) -> Option<usize> {
        if self.keys.len() <= 8 {
            self.keys.iter().position(|&other| other == key)
        } else {
            self.keys.binary_search(&key).ok()
        }
    }

    /// Slots in the order of names.
    pub fn by_name(&self, alloc: &Alloc<'h>) -> &'h [u32] {
        self.by_name.get_or_init(|| {
            let mut order: Vec<(u64, u32)> = (0..)
                .zip(self.keys)
                .map(|(slot, key)| (key.sort_key(), slot))
                .collect();
            order.sort_unstable_by(|left, right| {
                left.0
                    .cmp(&right.0)
                    .then_with(|| self.keys[left.1 as usize].cmp_name(self.keys[right.1 as usize]))
            });
            alloc.values(order.into_iter().map(|(_, slot)| slot))
        })
    }
}

/// A shape's address without its lifetime, for tables that live in the heap itself.
#[derive(Clone, Copy)]
struct Erased(*const Shape<'static>);

// SAFETY: shapes are shared between threads by reference; this is such a reference.
unsafe impl Send for Erased {}

impl Erased {
    fn new<'h>(shape: &'h Shape<'h>) -> Self {
        Self(std::ptr::from_ref(shape).cast())
    }

    /// # Safety
    /// `'h` must be a lifetime of the heap that the shape lives in.
    unsafe fn get<'h>(self) -> &'h Shape<'h> {
        // SAFETY: as the caller promises; shapes are never freed before their heap.
        unsafe { &*self.0.cast::<Shape<'h>>() }
    }
}

#[derive(Default)]
struct Tables {
    by_hash: FastMap<u64, Vec<Erased>>,
    n_shared: usize,
}

/// The shared shapes of one heap.
#[derive(Default)]
pub(crate) struct ShapeTable(Mutex<Tables>);

/// Beyond this number of shared shapes, new ones are private: data is being used as keys.
const MAX_SHARED: usize = 1 << 18;

fn hash(keys: &[Symbol], positions: &[AttrPos]) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = firn_symbol::FastHasher::default();
    for key in keys {
        key.hash(&mut hasher);
    }
    for position in positions {
        position.hash(&mut hasher);
    }
    hasher.finish()
}

impl<'h> Alloc<'h> {
    /// The shared shape with these keys, which must be sorted by symbol and distinct. `positions`
    /// is empty or has one entry for each key.
    ///
    /// # Panics
    /// If the keys are not sorted and distinct or the positions do not match.
    pub fn shared_shape(&self, keys: &[Symbol], positions: &[AttrPos]) -> &'h Shape<'h> {
        check(keys, positions);
        let hash = hash(keys, positions);
        let mut tables = self
            .heap()
            .shapes
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let candidates = tables.by_hash.entry(hash).or_default();
        for candidate in candidates.iter() {
            // SAFETY: the table belongs to the heap of this allocator, whose lifetime is `'h`.
            let shape: &'h Shape<'h> = unsafe { candidate.get() };
            if shape.keys == keys && shape.positions == positions {
                return shape;
            }
        }
        let shape = self.value(Shape {
            keys: self.slice(keys),
            positions: self.slice(positions),
            by_name: OnceLock::new(),
            bare: OnceLock::new(),
            shared: true,
        });
        candidates.push(Erased::new(shape));
        tables.n_shared += 1;
        shape
    }

    /// Whether shapes made from data should still be shared.
    pub(crate) fn may_share(&self) -> bool {
        let tables = self.heap().shapes.0.lock();
        tables.unwrap_or_else(PoisonError::into_inner).n_shared < MAX_SHARED
    }

    /// A shape for one set, with the same conditions as for a shared one.
    ///
    /// # Panics
    /// If the keys are not sorted and distinct or the positions do not match.
    pub fn private_shape(&self, keys: &[Symbol], positions: &[AttrPos]) -> &'h Shape<'h> {
        check(keys, positions);
        self.value(Shape {
            keys: self.slice(keys),
            positions: self.slice(positions),
            by_name: OnceLock::new(),
            bare: OnceLock::new(),
            shared: false,
        })
    }
}

fn check(keys: &[Symbol], positions: &[AttrPos]) {
    assert!(
        keys.is_sorted_by(|left, right| left < right),
        "the keys of a shape are sorted and distinct"
    );
    assert!(
        positions.is_empty() || positions.len() == keys.len(),
        "a shape has a position for each key or none"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Heap;

    #[test]
    fn shared_shapes_are_unique_and_ordered_by_name() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let mut keys: Vec<Symbol> = ["zeta", "alpha", "mid"]
            .iter()
            .map(|name| Symbol::intern(name.as_bytes()))
            .collect();
        keys.sort_unstable();
        let shape = alloc.shared_shape(&keys, &[]);
        assert!(std::ptr::eq(shape, alloc.shared_shape(&keys, &[])));
        let positions = [AttrPos::new(0, 1), AttrPos::NONE, AttrPos::new(2, 5)];
        let placed = alloc.shared_shape(&keys, &positions);
        assert!(!std::ptr::eq(shape, placed));
        assert_eq!(placed.position(2).get(), Some((2, 5)));
        assert_eq!(placed.position(1).get(), None);
        let names: Vec<_> = shape
            .by_name(&alloc)
            .iter()
            .map(|&slot| shape.keys()[slot as usize].to_text())
            .collect();
        assert_eq!(names, ["alpha", "mid", "zeta"]);
        assert_eq!(shape.find(keys[1]), Some(1));
        assert_eq!(shape.find(Symbol::intern(b"absent")), None);
    }
}
