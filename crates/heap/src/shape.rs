//! Shapes: which attributes a set has, and where they were written.
//!
//! A set object is the address of its shape and one word for each key, in the order of symbols.
//! Every shape has a *base*: the shape with the same keys and no positions, which may be itself.
//! Bases are *shared* (interned by their keys) where keys are written in code or are few; those of
//! large sets whose keys are data are private, since their number is unbounded. Code remembers
//! slots by base, and plans for `//` are kept by pairs of shared bases, so that it does not matter
//! at which place of the code a set was written.
//!
//! Positions belong to the shape, not to the value: a literal's positions are the same every time
//! it is evaluated. Those of a set made from others are looked up in the shapes of these when
//! somebody asks, which happens rarely.
//!
//! *Fixed* shapes live as long as the heap: shared bases, and what leads only to fixed shapes. All
//! others are collected with their sets. Tables with their addresses would have to be cleaned, as
//! inline caches are; a worker's cache of plans is emptied.

use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, PoisonError};

use firn_symbol::Symbol;
use hashbrown::HashTable;

use crate::alloc::Alloc;

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

/// Where the attributes of a shape were written.
#[derive(Clone, Copy)]
enum Positions<'h> {
    Nowhere,
    /// All at the same place.
    Uniform(AttrPos),
    /// One for each key.
    Listed(&'h [AttrPos]),
    /// In one file; an offset for each key.
    Offsets(u32, &'h [u32]),
    /// Where the newer shape has them, or else the older one. The number counts how many steps it
    /// takes at most to find out.
    Derived(u32, &'h Shape<'h>, &'h Shape<'h>),
}

/// Chains of derived positions longer than this are written out.
const MAX_STEPS: u32 = 8;

/// The keys of sets.
#[repr(align(16))]
pub struct Shape<'h> {
    keys: &'h [Symbol],
    positions: Positions<'h>,
    /// The shape with the same keys and no positions; never null once the shape is published.
    base: AtomicPtr<Shape<'h>>,
    /// As many slots as there are keys, in the order of names, or null; only in bases.
    by_name: AtomicPtr<u32>,
    shared: bool,
    fixed: bool,
}

impl<'h> Shape<'h> {
    /// The shape with the same keys and no positions, or this one if none was made yet.
    #[inline]
    pub(crate) fn base(&self) -> &'h Shape<'h> {
        // SAFETY: the base is set to a shape of the same heap before the shape is published.
        unsafe { &*self.base.load(Ordering::Acquire) }
    }

    /// The address of the base, by which code remembers slots.
    #[inline]
    pub(crate) fn base_address(&self) -> u64 {
        self.base.load(Ordering::Relaxed).addr() as u64
    }

    /// The shape with the same keys and no positions: that of a set computed from one of this
    /// shape.
    pub fn bare(&'h self, alloc: &Alloc<'h>) -> &'h Shape<'h> {
        let base = self.base();
        if matches!(base.positions, Positions::Nowhere) {
            return base;
        }
        let bare = alloc.new_shape(self.keys, Positions::Nowhere, None, false, false);
        self.base
            .store(std::ptr::from_ref(bare).cast_mut(), Ordering::Release);
        bare
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

    /// Whether the base is the one shape with these keys.
    #[inline]
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// Where the attribute in this slot was written.
    pub fn position(&self, slot: usize) -> AttrPos {
        match self.positions {
            Positions::Nowhere => AttrPos::NONE,
            Positions::Uniform(position) => position,
            Positions::Listed(positions) => positions[slot],
            Positions::Offsets(file, offsets) => match offsets[slot] {
                u32::MAX => AttrPos::NONE,
                offset => AttrPos::new(file, offset),
            },
            Positions::Derived(_, older, newer) => {
                let key = self.keys[slot];
                match newer.find(key) {
                    Some(slot) => newer.position(slot),
                    None => older.position_of(key),
                }
            }
        }
    }

    /// Where the attribute with this name was written.
    pub fn position_of(&self, key: Symbol) -> AttrPos {
        self.find(key)
            .map_or(AttrPos::NONE, |slot| self.position(slot))
    }

    fn steps(&self) -> u32 {
        match self.positions {
            Positions::Derived(steps, ..) => steps,
            _ => 0,
        }
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
    pub fn by_name(&'h self, alloc: &Alloc<'h>) -> &'h [u32] {
        let base = self.base();
        let known = base.by_name.load(Ordering::Acquire);
        if !known.is_null() {
            // SAFETY: what is stored there is the start of as many slots as there are keys.
            return unsafe { std::slice::from_raw_parts(known, self.keys.len()) };
        }
        let mut order: Vec<(u64, u32)> = (0..)
            .zip(self.keys)
            .map(|(slot, key)| (key.sort_key(), slot))
            .collect();
        order.sort_unstable_by(|left, right| {
            left.0
                .cmp(&right.0)
                .then_with(|| self.keys[left.1 as usize].cmp_name(self.keys[right.1 as usize]))
        });
        let slots: Vec<u32> = order.into_iter().map(|(_, slot)| slot).collect();
        let slots = if base.fixed {
            alloc.slice(&slots)
        } else {
            alloc.collected_slice(&slots)
        };
        // Whoever comes second stores the same order.
        base.by_name
            .store(slots.as_ptr().cast_mut(), Ordering::Release);
        slots
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

/// The shared shapes of one heap: bases by their keys, and a few others by keys and positions.
#[derive(Default)]
pub(crate) struct ShapeTable(Mutex<HashTable<(u64, Erased)>>);

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
    fn new_shape(
        &self,
        keys: &'h [Symbol],
        positions: Positions<'h>,
        base: Option<&'h Shape<'h>>,
        shared: bool,
        fixed: bool,
    ) -> &'h Shape<'h> {
        let shape = Shape {
            keys,
            positions,
            base: AtomicPtr::default(),
            by_name: AtomicPtr::default(),
            shared,
            fixed,
        };
        let shape = if fixed {
            self.value(shape)
        } else {
            self.collected_value(shape)
        };
        let base = base.unwrap_or(shape);
        shape
            .base
            .store(std::ptr::from_ref(base).cast_mut(), Ordering::Release);
        shape
    }

    fn interned(
        &self,
        keys: &[Symbol],
        positions: &[AttrPos],
        make: impl FnOnce() -> &'h Shape<'h>,
    ) -> &'h Shape<'h> {
        let hash = hash(keys, positions);
        let mut table = self
            .heap()
            .shapes
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = table.find(hash, |&(known, shape)| {
            // SAFETY: the table belongs to the heap of this allocator, whose lifetime is `'h`.
            let shape: &'h Shape<'h> = unsafe { shape.get() };
            let same_positions = match shape.positions {
                Positions::Listed(listed) => listed == positions,
                _ => positions.is_empty(),
            };
            known == hash && shape.keys == keys && same_positions
        });
        if let Some(&(_, shape)) = known {
            // SAFETY: as above.
            return unsafe { shape.get() };
        }
        let shape = make();
        table.insert_unique(hash, (hash, Erased::new(shape)), |&(hash, _)| hash);
        shape
    }

    /// The shared shape with these keys, which must be sorted by symbol and distinct.
    ///
    /// # Panics
    /// If the keys are not sorted and distinct.
    pub fn shared_shape(&self, keys: &[Symbol]) -> &'h Shape<'h> {
        check(keys);
        self.interned(keys, &[], || {
            self.new_shape(self.slice(keys), Positions::Nowhere, None, true, true)
        })
    }

    /// A shape with a shared base for a place of the code: its keys were written in one file, at
    /// these offsets (the largest number for none).
    ///
    /// # Panics
    /// If the keys are not sorted and distinct or the offsets do not match.
    pub fn literal_shape(&self, keys: &[Symbol], file: u32, offsets: &[u32]) -> &'h Shape<'h> {
        assert_eq!(keys.len(), offsets.len(), "each key has an offset");
        let base = self.shared_shape(keys);
        let positions = Positions::Offsets(file, self.slice(offsets));
        self.new_shape(base.keys, positions, Some(base), true, true)
    }

    /// Whether shapes made from data should still be shared.
    pub(crate) fn may_share(&self) -> bool {
        let table = self.heap().shapes.0.lock();
        table.unwrap_or_else(PoisonError::into_inner).len() < MAX_SHARED
    }

    /// A shape for one set, with the same condition as for a shared one, and a position for each
    /// key or none at all.
    ///
    /// # Panics
    /// If the keys are not sorted and distinct, or the positions do not match.
    pub fn private_shape(&self, keys: &[Symbol], positions: &[AttrPos]) -> &'h Shape<'h> {
        check(keys);
        assert!(
            positions.is_empty() || positions.len() == keys.len(),
            "a shape has a position for each key or none"
        );
        let positions = match positions.split_first() {
            None => Positions::Nowhere,
            Some((&first, rest)) if rest.iter().all(|&other| other == first) => {
                if first == AttrPos::NONE {
                    Positions::Nowhere
                } else {
                    Positions::Uniform(first)
                }
            }
            Some(_) => Positions::Listed(self.collected_slice(positions)),
        };
        self.new_shape(self.collected_slice(keys), positions, None, false, false)
    }

    /// A shape with this base whose attributes were written where `newer` has them, or else where
    /// `older` has them.
    pub fn derived_shape(
        &self,
        base: &'h Shape<'h>,
        older: &'h Shape<'h>,
        newer: &'h Shape<'h>,
    ) -> &'h Shape<'h> {
        let nowhere = |shape: &Shape<'_>| matches!(shape.positions, Positions::Nowhere);
        if nowhere(older) && nowhere(newer) {
            return base;
        }
        // What is already as it would be need not be made again; loops depend on that.
        if newer.len() == base.len() && std::ptr::eq(newer.base(), base) {
            return newer;
        }
        if std::ptr::eq(older.base(), base)
            && (newer.keys.iter()).all(|&key| older.position_of(key) == newer.position_of(key))
        {
            return older;
        }
        let steps = 1 + older.steps().max(newer.steps());
        let derived = self.new_shape(
            base.keys,
            Positions::Derived(steps, older, newer),
            Some(base),
            base.shared,
            base.fixed && older.fixed && newer.fixed,
        );
        if steps <= MAX_STEPS {
            return derived;
        }
        let positions: Vec<AttrPos> = (0..base.len()).map(|slot| derived.position(slot)).collect();
        if base.shared {
            self.interned(base.keys, &positions, || {
                let positions = Positions::Listed(self.slice(&positions));
                self.new_shape(base.keys, positions, Some(base), true, true)
            })
        } else {
            let positions = Positions::Listed(self.collected_slice(&positions));
            self.new_shape(base.keys, positions, Some(base), false, false)
        }
    }
}

fn check(keys: &[Symbol]) {
    assert!(
        keys.is_sorted_by(|left, right| left < right),
        "the keys of a shape are sorted and distinct"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Heap;

    fn keys(names: &[&str]) -> Vec<Symbol> {
        let mut keys: Vec<Symbol> = names
            .iter()
            .map(|name| Symbol::intern(name.as_bytes()))
            .collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn shared_shapes_are_unique_and_ordered_by_name() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let keys = keys(&["zeta", "alpha", "mid"]);
        let shape = alloc.shared_shape(&keys);
        assert!(std::ptr::eq(shape, alloc.shared_shape(&keys)));
        let placed = alloc.literal_shape(&keys, 0, &[1, u32::MAX, 5]);
        assert!(std::ptr::eq(shape, placed.base()));
        assert_eq!(placed.position(2).get(), Some((0, 5)));
        assert_eq!(placed.position(1).get(), None);
        let names: Vec<_> = placed
            .by_name(&alloc)
            .iter()
            .map(|&slot| shape.keys()[slot as usize].to_text())
            .collect();
        assert_eq!(names, ["alpha", "mid", "zeta"]);
        assert_eq!(shape.find(keys[1]), Some(1));
        assert_eq!(shape.find(Symbol::intern(b"absent")), None);
    }

    #[test]
    fn derived_positions_prefer_the_newer_shape_and_loops_end() {
        let heap = Heap::new();
        let alloc = Alloc::new(&heap);
        let both = keys(&["left", "right"]);
        let right = keys(&["right"]);
        let older = alloc.literal_shape(&both, 0, &[10, 20]);
        let newer = alloc.literal_shape(&right, 1, &[30]);
        let base = alloc.shared_shape(&both);
        let derived = alloc.derived_shape(base, older, newer);
        assert_eq!(derived.position_of(right[0]).get(), Some((1, 30)));
        let other = both.iter().find(|key| **key != right[0]).expect("two keys");
        assert_eq!(derived.position_of(*other).get().map(|at| at.0), Some(0));
        // Doing it again changes nothing, hence makes nothing.
        assert!(std::ptr::eq(
            alloc.derived_shape(base, derived, newer),
            derived
        ));
        // Two that take turns come back to a shape that was there before.
        let third = alloc.literal_shape(&right, 2, &[40]);
        let mut seen: Vec<*const Shape<'_>> = Vec::new();
        let mut shape = derived;
        for round in 0..100 {
            let newer = if round % 2 == 0 { third } else { newer };
            shape = alloc.derived_shape(base, shape, newer);
            if shape.steps() == 0 && !seen.contains(&std::ptr::from_ref(shape)) {
                seen.push(shape);
            }
        }
        assert!(seen.len() <= 2, "{} shapes", seen.len());
    }
}
